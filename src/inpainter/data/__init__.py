"""Pictures from files, and the masks drawn for them."""

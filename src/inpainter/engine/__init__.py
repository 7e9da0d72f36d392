"""What works on any method: pictures of any size, files, folders."""

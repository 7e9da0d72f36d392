from inpainter.apps.cli import main

main()

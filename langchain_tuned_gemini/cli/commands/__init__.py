"""The commands, one file each, named by what is typed."""

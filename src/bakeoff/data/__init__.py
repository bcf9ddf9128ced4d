"""From a table of labels and a folder of images to splits and packed arrays."""

"""Models of ncnn: the text of a `.param` file."""

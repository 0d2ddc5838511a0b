"""Pictures that are no charts: a network as boxes and edges, a convolution as volumes; laid out here, written as SVG or TikZ."""

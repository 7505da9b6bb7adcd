//! What a segmentation returns: plain data, pictures and export formats.

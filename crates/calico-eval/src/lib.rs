//! How well masks and labels of co-segmentation are predicted.

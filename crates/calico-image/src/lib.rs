//! Pixels and masks: decoding, resizing equal to Pillow, run-length masks, overlays.

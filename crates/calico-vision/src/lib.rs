//! The image towers of Calico: EVA-CLIP, DINOv2, Q-Former and SAM.

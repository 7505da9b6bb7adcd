//! Masks with labels in the formats of other tools: COCO, Label Studio, CVAT, FiftyOne.

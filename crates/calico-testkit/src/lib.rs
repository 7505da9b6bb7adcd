//! Shared by tests: golden tensors, closeness with a report, synthetic weights.

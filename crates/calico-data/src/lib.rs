//! MixedParts: sources, building, tables, checking, loading.

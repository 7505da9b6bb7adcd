//! From what was read to a data set: filter, split, pair, ask and answer.

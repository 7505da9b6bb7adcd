/// What one block of one output consists of, whatever the format and however its bits lie.
///
/// The value at place `i` is `d · scale · code − dmin · min`, with the scale and the min of its
/// sub-block; codes of `Q6_K` count from -32, and those of `Q8_0` have no scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts {
    /// Bits of a number of 16 bits.
    pub(super) d: u16,
    /// Bits of a number of 16 bits; `Q4_K` and `Q5_K`.
    pub(super) dmin: u16,
    /// 8 of 6 bits (`Q4_K`, `Q5_K`), or 16 that are signed (`Q6_K`).
    pub(super) scales: [u8; 16],
    /// 8 of 6 bits; `Q4_K` and `Q5_K`.
    pub(super) mins: [u8; 8],
    /// Unsigned codes; those of `Q8_0` are 32, and signed.
    pub(super) codes: [u8; 256],
}

impl Parts {
    /// A block of zeros.
    pub(super) const ZERO: Self =
        Self { d: 0, dmin: 0, scales: [0; 16], mins: [0; 8], codes: [0; 256] };
}

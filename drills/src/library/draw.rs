//! Chance, by a seed: the same people do the same in each run, as far as the machine lets them.

/// Numbers that look random (xorshift).
pub(super) struct Draw(u64);

impl Draw {
    pub(super) const fn new(seed: u32) -> Self {
        Self((seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below this one.
    pub(super) const fn below(&mut self, most: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as u32
    }
}

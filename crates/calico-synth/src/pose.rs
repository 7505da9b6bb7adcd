use calico_data::Stream;

/// The random decisions of one object: proportions, joints, and which optional parts it has.
#[derive(Debug)]
pub struct Pose<'a> {
    stream: &'a mut Stream,
}

impl<'a> Pose<'a> {
    /// Decisions drawn from a stream.
    pub fn new(stream: &'a mut Stream) -> Self {
        Self { stream }
    }

    /// A number between two others, each equally likely.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        // 24 bits are what f32 tells apart.
        let share = (self.stream.bits() >> 40) as f32 / (1u32 << 24) as f32;
        low + (high - low) * share
    }

    /// A whole number from `low` to `high`, both included.
    pub fn count(&mut self, low: u32, high: u32) -> u32 {
        low + self.stream.below(u64::from(high.saturating_sub(low)) + 1) as u32
    }

    /// Whether something of a probability from 0 to 1 happens.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.between(0.0, 1.0) < probability
    }
}

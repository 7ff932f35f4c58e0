//! Chance that falls the same way each time: a seed tells the whole world that is made.

/// SplitMix64 (Steele, Lea, Flood 2014): enough for made-up people, and for nothing secret.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice for one purpose: two purposes of one seed have nothing in common.
    pub fn of(seed: u64, purpose: &str) -> Self {
        let mut dice = Self(seed);
        for byte in purpose.bytes() {
            dice.0 = dice.0.rotate_left(8) ^ u64::from(byte);
            dice.0 = dice.roll();
        }
        dice
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `bound`; 0 when that is 0. The bias of the remainder is far below what anybody sees.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.roll() % bound).unwrap_or_default()
    }

    /// In [0, 1).
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a f64 holds")]
    pub fn unit(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// Of a log-normal distribution with this mean.
    pub fn log_normal(&mut self, mean: f64, sigma: f64) -> f64 {
        // Box–Muller.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.unit()).cos();
        (mean.ln() - sigma * sigma / 2.0 + sigma * normal).exp()
    }

    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for index in (1..all.len()).rev() {
            all.swap(index, self.below(index + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_falls_one_way_and_purposes_differ() {
        let first = |seed, purpose| Dice::of(seed, purpose).roll();
        assert_eq!(first(1, "people"), first(1, "people"));
        assert_ne!(first(1, "people"), first(2, "people"));
        assert_ne!(first(1, "people"), first(1, "friends"));
    }

    #[test]
    fn a_log_normal_has_the_mean_that_was_asked_for() {
        let mut dice = Dice::of(7, "mean");
        let drawn = (0..100_000).map(|_| dice.log_normal(8.0, 0.9)).sum::<f64>() / 100_000.0;
        assert!((drawn - 8.0).abs() < 0.3, "{drawn}");
    }
}

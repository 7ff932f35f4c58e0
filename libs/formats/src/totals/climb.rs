//! Ascent and descent from an altitude column.

/// A change counts once it is greater than this.
const HYSTERESIS_M: f64 = 3.0;
/// Samples averaged around each one, an odd number.
const SMOOTHING_SAMPLES: usize = 5;

/// Ascent and descent in metres: the altitude is averaged over five samples around each one, then a rise or a
/// fall counts whole once it exceeds 3 m since the last counted altitude. `None` without two altitudes.
///
/// The hysteresis is GoldenCheetah's elevation gain with its default of 3 m.
pub fn climb_m(altitude_m: &[Option<f64>]) -> Option<(f64, f64)> {
    let known: Vec<f64> = altitude_m.iter().flatten().copied().collect();
    if known.len() < 2 {
        return None;
    }
    let (mut up, mut down) = (0.0, 0.0);
    let mut counted: Option<f64> = None;
    for altitude in smoothed(&known) {
        let Some(last) = counted else {
            counted = Some(altitude);
            continue;
        };
        let change = altitude - last;
        if change.abs() > HYSTERESIS_M {
            if change > 0.0 {
                up += change
            } else {
                down -= change
            }
            counted = Some(altitude);
        }
    }
    Some((up, down))
}

/// Centred mean; fewer samples at the ends.
fn smoothed(known: &[f64]) -> impl Iterator<Item = f64> + '_ {
    let reach = SMOOTHING_SAMPLES / 2;
    (0..known.len()).map(move |at| {
        let end = known.len().min(at + reach + 1);
        let near = known.get(at.saturating_sub(reach)..end).unwrap_or_default();
        near.iter().sum::<f64>() / near.len().max(1) as f64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_below_three_metres_is_flat() {
        let noise: Vec<_> = (0..500).map(|at| Some(100.0 + f64::from(at % 2) * 2.0)).collect();
        assert_eq!(climb_m(&noise), Some((0.0, 0.0)));
    }

    #[test]
    fn a_hill_is_as_high_as_it_is() {
        let hill: Vec<_> = (0..=200).map(|at| Some(100.0 - f64::from((at - 100_i32).abs()))).collect();
        let (up, down) = climb_m(&hill).unwrap_or_default();
        assert!((up - 100.0).abs() < 5.0, "{up}");
        assert!((down - 100.0).abs() < 5.0, "{down}");
    }

    #[test]
    fn one_altitude_says_nothing() {
        assert_eq!(climb_m(&[Some(3.0), None]), None);
    }
}

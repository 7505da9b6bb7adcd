//! Notices a run that has gone wrong.

use crate::checkpoint::GuardState;
use crate::recipe::GuardConfig;

/// Weight of the newest loss in the running mean.
const NEWEST: f64 = 0.02;

/// Takes the loss of a step into account; returns how many times the running mean it is if that
/// has been too much for too long.
///
/// Losses far above the mean do not enter it, so that an explosion cannot hide itself.
pub(crate) fn watch(state: &mut GuardState, loss: f64, config: GuardConfig) -> Option<f64> {
    let Some(mean) = state.mean else {
        state.mean = Some(loss);
        return None;
    };
    if config.patience > 0 && loss > config.explosion * mean {
        state.above += 1;
        return (state.above >= config.patience).then(|| loss / mean);
    }
    state.above = 0;
    state.mean = Some(mean + NEWEST * (loss - mean));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: GuardConfig = GuardConfig { explosion: 5.0, patience: 3 };

    #[test]
    fn a_loss_that_stays_far_above_its_mean_is_an_explosion() {
        let mut state = GuardState::default();
        for loss in [2.0, 2.1, 1.9, 2.0] {
            assert!(watch(&mut state, loss, CONFIG).is_none());
        }
        assert!(watch(&mut state, 30.0, CONFIG).is_none());
        assert!(watch(&mut state, 40.0, CONFIG).is_none());
        let times = watch(&mut state, 50.0, CONFIG).unwrap();
        assert!((24.0..26.0).contains(&times), "{times}");
    }

    #[test]
    fn a_single_spike_is_forgiven() {
        let mut state = GuardState::default();
        for loss in [2.0, 30.0, 2.0, 30.0, 30.0, 2.0, 30.0] {
            assert!(watch(&mut state, loss, CONFIG).is_none());
        }
    }

    #[test]
    fn patience_zero_switches_the_guard_off() {
        let mut state = GuardState::default();
        let config = GuardConfig { patience: 0, ..CONFIG };
        assert!((1..50).all(|n| watch(&mut state, f64::from(n) * 10.0, config).is_none()));
    }
}

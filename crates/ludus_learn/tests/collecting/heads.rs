//! A rollout with two value heads: each has rewards, a discount and advantages of its own.

use ludus_learn::{Discount, HeadRewards, Rollout, RolloutShape, Trajectories, estimate_advantages};

use crate::{Counters, Function, collect, shape};

const STEPS: usize = 8;

#[test]
fn every_head_has_advantages_of_its_own() {
    let mut worlds = [Counters::new(0, 3, false), Counters::new(3, 2, false)];
    let mut rollout = Rollout::new(RolloutShape { value_heads: 2, ..shape(STEPS, &worlds) });
    let policy = Function { act: |seen: &[f32], _: &mut [f32], _| 0.5 - seen[0], value_heads: 2 };
    collect(2, &mut worlds, &mut rollout, &policy, &[]);
    let curious: Vec<f32> = (0..rollout.samples().rewards.len()).map(|sample| (sample % 5) as f32).collect();
    let discounts = [Discount { gamma: 0.9, lambda: 0.8 }, Discount { gamma: 0.5, lambda: 1.0 }];
    let curiosity = HeadRewards { rewards: Some(&curious), ..discounts[1].into() };
    rollout.estimate_advantages(&[discounts[0].into(), curiosity]);
    let samples = rollout.samples();
    for (slab, rows) in rollout.slab_places().zip([3, 2]) {
        for (head, rewards) in [samples.rewards, &curious].into_iter().enumerate() {
            let values: Vec<f32> = slab.clone().map(|sample| samples.values[2 * sample + head]).collect();
            let played = slab.start..slab.start + STEPS * rows;
            let mut expected = vec![f32::NAN; played.len()];
            let (rewards, outcomes) = (&rewards[played.clone()], &samples.outcomes[played.clone()]);
            let trajectories = Trajectories { rows, rewards, values: &values, outcomes };
            estimate_advantages(trajectories, discounts[head], &mut expected);
            let found: Vec<f32> = played.clone().map(|sample| samples.advantages[2 * sample + head]).collect();
            assert_eq!(found, expected, "head {head}");
            let returns: Vec<f32> = played.map(|sample| samples.returns[2 * sample + head]).collect();
            let sums: Vec<f32> = expected.iter().zip(&values).map(|(advantage, value)| advantage + value).collect();
            assert_eq!(returns, sums);
        }
    }
    assert_eq!(samples.values[2 * 3 + 1], 2.0 * samples.values[2 * 3], "head 1 estimates twice what head 0 does");
}

//! Small files that claim to be large.

use super::memory::most_while;
use super::{EPISODE_1, EPISODE_2, Reader, checkpoint, config, episode, policy, sealed_episode, tensors};

/// Limit on the memory of a reader for a file of a few hundred bytes [bytes].
const LITTLE: usize = 1 << 18;

fn check(reader: Reader, bytes: &[u8]) {
    assert!(bytes.len() < 1_500, "a small file: {}", bytes.len());
    let (most, is_taken) = most_while(|| reader(bytes));
    let shown = String::from_utf8_lossy(bytes);
    assert!(!is_taken, "{shown}");
    assert!(most < LITTLE, "{most} bytes for {shown}");
}

#[test]
fn a_policy_that_claims_a_gigabyte_gets_no_memory() {
    let gigabyte = 1_u64 << 30;
    let claims = [
        format!(r#"{{"a":{{"dtype":"F32","shape":[{}],"data_offsets":[0,{gigabyte}]}}}}"#, gigabyte / 4),
        format!(r#"{{"a":{{"dtype":"F32","shape":[{gigabyte},{gigabyte}],"data_offsets":[0,8]}}}}"#),
        format!(r#"{{"a":{{"dtype":"F64","shape":[0,{gigabyte}],"data_offsets":[0,0]}}}}"#),
    ];
    for reader in [policy, checkpoint] as [Reader; 2] {
        for header in &claims {
            check(reader, &tensors(header, &[0; 8]));
        }
        check(reader, &[&gigabyte.to_le_bytes()[..], b"{}"].concat());
    }
}

/// A policy without tensors, of an agent with this observation, whose text has this part about its network.
fn network_claim(observation: &str, format: u32, network: &str) -> Vec<u8> {
    let action = r#"{"name":"b","doc":"","parts":[""],"kind":{"Continuous":{"low":-1,"high":1}}}"#;
    let spec = format!(r#"{{"name":"A","observation":[{observation}],"action":[{action}],"reward":[]}}"#);
    let parsed = serde_json::from_str::<ludus_spec::AgentSpec>(&spec).unwrap();
    let hash = format!("{:016x}", parsed.layout_hash());
    let origin = r#"{"program":"","library":"","seed":0,"steps":0}"#;
    let text = format!(
        r#"{{"format":{format},"spec":{spec},"layout_hash":"{hash}",{network},"normalized":false,"decision_interval":1,"tick_rate_hz":64,"origin":{origin}}}"#
    );
    let header = serde_json::json!({ "__metadata__": { "policy": text } }).to_string();
    tensors(&header, &[])
}

#[test]
fn a_policy_whose_network_would_fill_memory_gets_none() {
    let observation = r#"{"name":"a","doc":"","parts":[""],"range":null}"#;
    for hidden in ["[32768,32768]", "[4294967295,4294967295]", "[18446744073709551615]"] {
        for format in [1, 2] {
            let network = format!(r#""network":{{"hidden":{hidden},"activation":"Tanh","shared":false}}"#);
            check(policy, &network_claim(observation, format, &network));
        }
    }
}

#[test]
fn a_policy_whose_convolutions_would_fill_memory_gets_none() {
    let grid = |side: u64| {
        let shape = format!(r#"{{"height":{side},"width":{side},"channels":1}}"#);
        format!(r#"{{"name":"a","doc":"","parts":[],"grid":{shape},"range":null}}"#)
    };
    let network = |convolutions: &str| {
        let dense = r#""hidden":[],"activation":"Relu","shared":true"#;
        format!(r#""network":{{{dense},"convolutions":{convolutions}}}"#)
    };
    let deep = format!("[{}]", ["1"; 300].join(","));
    for side in [1, 64, 8192, 1 << 31, u64::MAX] {
        for convolutions in
            ["[1]", "[0]", "[1,1,1]", "[4294967296,1]", "[18446744073709551615]", "[65536,65536]", &deep]
        {
            check(policy, &network_claim(&grid(side), 2, &network(convolutions)));
        }
    }
    let own = r#""own_network":{"name":"","parameters":[["a",[4294967296,4294967296]],["b",[1073741824]]]}"#;
    check(policy, &network_claim(&grid(8), 2, own));
    let listed = r#""network":{"hidden":[],"activation":"Relu","shared":true},"foreign":[["grid.0.0.weight",[1073741824,1,3,3]],["trunk.0.weight",[1073741824,1]]]"#;
    check(policy, &network_claim(&grid(8), 1, listed));
}

#[test]
fn an_episode_of_the_first_version_that_claims_to_be_long_gets_no_memory() {
    let head = |rows: u32, steps: u32, choices: &str| {
        format!(
            r#"{{"program":"","library":"","layout_hash":"","choices":{choices},"world":0,"seed":1,"arena":0,"arenas":1,"numbers":[1,1],"decision_interval":1,"weights":[],"episode_limit":null,"stagger":false,"rows":{rows},"steps":{steps},"reward":0,"outcome":"Truncated","iteration":0}}"#
        )
    };
    check_claims(EPISODE_1, head);
}

#[test]
fn an_episode_that_claims_to_be_long_gets_no_memory() {
    let head = |rows: u32, steps: u32, choices: &str| episode_of(steps, &[("A", rows, choices)]);
    check_claims(EPISODE_2, head);
    for kinds in [
        vec![("A", 1, "[2]"), ("B", u32::MAX, "[0]")],
        vec![("A", 1 << 31, "[0]"), ("B", 1 << 31, "[0]")],
        vec![("A", u32::MAX, "[]"), ("B", 1, "[2]")],
        vec![("A", 1, "[2]"); 2],
    ] {
        check(episode, &sealed_episode(EPISODE_2, &episode_of(2, &kinds), &[0; 16]));
        check(episode, &sealed_episode(EPISODE_2, &episode_of(1 << 31, &kinds), &[0; 16]));
    }
}

/// The head of an episode with these kinds: their names, their rows and the choices of their columns.
fn episode_of(steps: u32, kinds: &[(&str, u32, &str)]) -> String {
    let kind = |(name, rows, choices): &(&str, u32, &str)| {
        format!(
            r#"{{"name":"{name}","layout_hash":"","choices":{choices},"decision_interval":1,"weights":[],"episode_limit":null,"stagger":false,"rows":{rows},"reward":0}}"#
        )
    };
    let kinds = kinds.iter().map(kind).collect::<Vec<_>>().join(",");
    format!(
        r#"{{"program":"","library":"","world":0,"seed":1,"arena":0,"arenas":1,"numbers":[1,1],"restart_step":0,"kinds":[{kinds}],"steps":{steps},"outcome":"Truncated","iteration":0}}"#
    )
}

/// Checks small files whose head claims more rows, steps or choices than the file has.
fn check_claims(version: &[u8; 8], head: impl Fn(u32, u32, &str) -> String) {
    assert!(episode(&sealed_episode(version, &head(1, 2, "[2]"), &[0; 14])), "the head is a good one");
    for (rows, steps, choices) in
        [(1, 1 << 28, "[0]"), (1 << 30, 1, "[0,0,0,0]"), (u32::MAX, u32::MAX, "[0]"), (1, 1, "[]")]
    {
        check(episode, &sealed_episode(version, &head(rows, steps, choices), &[0; 14]));
    }
    let length = [version, &u32::MAX.to_le_bytes()[..]].concat();
    let hash = ludus_spec::StableHasher::default().bytes(&length).finish();
    check(episode, &[&length[..], &hash.to_le_bytes()].concat());
}

#[test]
fn a_config_of_huge_numbers_gets_no_memory() {
    for text in
        ["(worlds: 4294967295, arenas: 4294967295)", "(seed: 1e999)", "(arenas: 0x7fffffff)", "(stop: (steps: -1))"]
    {
        check(config, text.as_bytes());
    }
}

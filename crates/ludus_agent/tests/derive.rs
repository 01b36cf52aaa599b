//! The specs, rows and masks that the derives generate for a game's types.

use bevy::math::{Quat, Vec2, Vec3, Vec3A, Vec4};
use bevy::prelude::Component;
use ludus_agent::spec::{ActionField, ActionKind, GridShape, ObservationField, ObservationKind, Seed};
use ludus_agent::{Action, ActionMask, Agent, Grid, Mask, Observation, Reward};
use rand::RngExt;

const REACH: f32 = 30.0;
const WEAPONS: usize = 4;

/// One of every kind of field.
#[derive(Component, Observation, Default)]
struct Senses {
    /// Speed over ground [m/s].
    speed: f32,
    /// On the ground.
    /// Or on something that stands on it.
    grounded: bool,
    #[observation(range = -0.25..=0.25)]
    tilt: Vec2,
    ball: Vec3,
    drift: Vec3A,
    plane: Vec4,
    heading: Quat,
    r#type: Gear,
    #[observation(range = 0.0..=REACH)]
    rays: [f32; 3],
    corners: [Vec2; 2],
    eyes: Eyes,
    others: [Eyes; 2],
}

#[derive(Observation, Default)]
struct Eyes {
    /// To what is seen [m].
    distance: f32,
    seen: Sight<2>,
}

#[derive(Observation)]
struct Sight<const N: usize> {
    hits: [bool; N],
}

impl<const N: usize> Default for Sight<N> {
    fn default() -> Self {
        Self { hits: [false; N] }
    }
}

#[derive(Component, Observation, Action, Default, Clone, Copy, PartialEq, Debug)]
#[repr(u8)]
enum Gear {
    #[default]
    Neutral = 7,
    Forward = 1,
    r#Reverse = 3,
}

/// One of every kind of decision.
#[derive(Component, Action, Default, Clone, PartialEq, Debug)]
struct Drive {
    /// Left is -1.
    #[action(continuous)]
    steer: f32,
    #[action(continuous, range = 0.0..=2.0)]
    throttle: Vec2,
    #[action(continuous, range = -REACH..=REACH)]
    aim: Vec3,
    #[action(continuous)]
    lean: Vec4,
    #[action(continuous, range = -1.0..=3.0)]
    fingers: [f32; 2],
    /// Which way.
    #[action(discrete)]
    gear: Gear,
    #[action(discrete)]
    horn: bool,
    #[action(discrete = 3)]
    lane: u8,
    #[action(discrete = WEAPONS)]
    weapon: usize,
    #[action(nested)]
    turret: Turret,
}

#[derive(Action, Default, Clone, PartialEq, Debug)]
struct Turret {
    /// Up is 1.
    #[action(continuous)]
    pitch: f32,
    #[action(discrete)]
    fire: bool,
}

#[derive(Component, Reward, Default)]
struct Score {
    /// 1 for every metre.
    progress: f32,
    r#break: f32,
}

#[derive(Component, Agent)]
#[agent(observation = Senses, action = Drive, reward = Score)]
struct Car;

fn observed<O: Observation>() -> Vec<ObservationField> {
    let mut fields = Vec::new();
    O::fields("", "", &mut fields);
    fields
}

fn decided<A: Action>() -> Vec<ActionField> {
    let mut fields = Vec::new();
    A::fields("", "", &mut fields);
    fields
}

fn written<O: Observation>(value: &O) -> Vec<f32> {
    let mut row = vec![f32::NAN; O::WIDTH];
    value.write(&mut row);
    row
}

fn encoded<A: Action>(action: &A) -> Vec<f32> {
    let mut row = vec![f32::NAN; A::WIDTH];
    action.write(&mut row);
    row
}

fn decoded<A: Action + Default>(row: &[f32]) -> A {
    let mut action = A::default();
    action.read(row);
    action
}

#[test]
fn fields_are_named_by_their_path() {
    let parts = |field: &ObservationField| {
        let parts: Vec<_> = field.columns().map(|column| column.part()).collect();
        format!("{}:{}", field.name, parts.join(","))
    };
    let fields: Vec<_> = observed::<Senses>().iter().map(parts).collect();
    let expected = [
        "speed:",
        "grounded:",
        "tilt:x,y",
        "ball:x,y,z",
        "drift:x,y,z",
        "plane:x,y,z,w",
        "heading:x,y,z,w",
        "type:Neutral,Forward,Reverse",
        "rays:0,1,2",
        "corners.0:x,y",
        "corners.1:x,y",
        "eyes.distance:",
        "eyes.seen.hits:0,1",
        "others.0.distance:",
        "others.0.seen.hits:0,1",
        "others.1.distance:",
        "others.1.seen.hits:0,1",
    ];
    assert_eq!(fields, expected);
}

#[test]
fn flags_of_every_kind_are_told_from_numbers() {
    let is_flag = |field: &ObservationField| field.kind == ObservationKind::Flag;
    let flags: Vec<_> = observed::<Senses>().into_iter().filter(is_flag).map(|field| field.name).collect();
    assert_eq!(flags, ["grounded", "type", "eyes.seen.hits", "others.0.seen.hits", "others.1.seen.hits"]);
}

/// A board beside other fields, and several of them.
#[derive(Observation, Default)]
struct Boards {
    speed: f32,
    /// Where walls are.
    #[observation(range = 0.0..=1.0)]
    walls: Grid<2, 3, 2>,
    layers: [Grid<1, 2, 1>; 2],
}

#[test]
fn a_grid_is_one_field_with_a_shape() {
    let fields = observed::<Boards>();
    let described: Vec<_> =
        fields.iter().map(|field| (field.name.as_str(), field.block.grid(), field.width())).collect();
    let layer = Some(GridShape { height: 1, width: 2, channels: 1 });
    let walls = Some(GridShape { height: 2, width: 3, channels: 2 });
    assert_eq!(described, [("speed", None, 1), ("walls", walls, 12), ("layers.0", layer, 2), ("layers.1", layer, 2)]);
    assert_eq!((fields[1].doc.as_str(), fields[1].range), ("Where walls are.", Some((0.0, 1.0))));
    assert_eq!(Boards::WIDTH, 17);
}

#[test]
fn the_numbers_of_a_grid_stand_cell_by_cell() {
    let mut boards = Boards::default();
    boards.walls[(1, 2)] = [7.0, 8.0];
    boards.walls[(0, 1)][1] = 3.0;
    boards.layers[1][(0, 1)][0] = 9.0;
    let mut row = [f32::NAN; Boards::WIDTH];
    boards.write(&mut row);
    let walls = [0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0, 8.0];
    assert_eq!(row, [&[0.0], &walls[..], &[0.0, 0.0, 0.0, 9.0]].concat()[..]);
    boards.walls.clear();
    assert_eq!(boards.walls, Grid::default());
}

#[test]
#[should_panic(expected = "cell (0, 3) is outside a grid of height 2 and width 3")]
fn a_cell_off_the_grid_is_not_one_of_the_next_line() {
    Boards::default().walls[(0, 3)] = [1.0; 2];
}

#[test]
fn the_width_is_the_sum_of_the_fields() {
    assert_eq!(Senses::WIDTH, 1 + 1 + 2 + 3 + 3 + 4 + 4 + 3 + 3 + 4 + 3 + 6);
    assert_eq!(observed::<Senses>().iter().map(ObservationField::width).sum::<usize>(), Senses::WIDTH);
    assert_eq!(Drive::WIDTH, 1 + 2 + 3 + 4 + 2 + 1 + 1 + 1 + 1 + 2);
    assert_eq!(decided::<Drive>().iter().map(|field| field.head().action_width()).sum::<usize>(), Drive::WIDTH);
}

#[test]
fn doc_comments_become_documentation() {
    let doc = |name: &str| observed::<Senses>().into_iter().find(|field| field.name == name).map(|field| field.doc);
    assert_eq!(doc("speed").as_deref(), Some("Speed over ground [m/s]."));
    assert_eq!(doc("grounded").as_deref(), Some("On the ground.\nOr on something that stands on it."));
    assert_eq!(doc("eyes.distance").as_deref(), Some("To what is seen [m]."));
    assert_eq!(doc("ball").as_deref(), Some(""));
}

#[test]
fn a_field_without_documentation_has_that_of_the_field_around_it() {
    #[derive(Observation)]
    struct Outer {
        /// Ahead.
        sight: Sight<2>,
    }
    assert_eq!(observed::<Outer>()[0].doc, "Ahead.");
}

#[test]
fn ranges_are_the_games_promises() {
    let range = |name: &str| observed::<Senses>().into_iter().find(|field| field.name == name).and_then(|f| f.range);
    assert_eq!(range("speed"), None);
    assert_eq!(range("grounded"), Some((0.0, 1.0)));
    assert_eq!(range("tilt"), Some((-0.25, 0.25)));
    assert_eq!(range("heading"), Some((-1.0, 1.0)));
    assert_eq!(range("type"), Some((0.0, 1.0)));
    assert_eq!(range("rays"), Some((0.0, 30.0)));
    assert_eq!(range("others.1.seen.hits"), Some((0.0, 1.0)));
}

#[test]
fn a_value_is_written_in_the_order_of_its_fields() {
    let eyes = |distance, hits| Eyes { distance, seen: Sight { hits } };
    let senses = Senses {
        speed: 1.0,
        grounded: true,
        tilt: Vec2::new(2.0, 3.0),
        ball: Vec3::new(4.0, 5.0, 6.0),
        drift: Vec3A::new(7.0, 8.0, 9.0),
        plane: Vec4::new(10.0, 11.0, 12.0, 13.0),
        heading: Quat::from_xyzw(14.0, 15.0, 16.0, 17.0),
        r#type: Gear::Reverse,
        rays: [18.0, 19.0, 20.0],
        corners: [Vec2::new(21.0, 22.0), Vec2::new(23.0, 24.0)],
        eyes: eyes(25.0, [true, false]),
        others: [eyes(26.0, [false, true]), eyes(27.0, [true, true])],
    };
    #[rustfmt::skip]
    let expected = [
        1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0,
        0.0, 0.0, 1.0,
        18.0, 19.0, 20.0, 21.0, 22.0, 23.0, 24.0, 25.0, 1.0, 0.0, 26.0, 0.0, 1.0, 27.0, 1.0, 1.0,
    ];
    assert_eq!(written(&senses), expected);
}

#[test]
fn only_the_own_columns_are_written() {
    let mut row = [9.0; 4];
    Vec2::new(1.0, 2.0).write(&mut row[1..]);
    assert_eq!(row, [9.0, 1.0, 2.0, 9.0]);
    Gear::Neutral.write_observation(&mut row);
    assert_eq!(row, [1.0, 0.0, 0.0, 9.0]);
}

impl Gear {
    /// Names the trait: `Gear` is an observation and an action, and both have a `write`.
    fn write_observation(self, row: &mut [f32]) {
        Observation::write(&self, row);
    }
}

#[test]
fn a_unit_enum_is_one_hot_whatever_its_discriminants() {
    assert_eq!(written(&Gear::Neutral), [1.0, 0.0, 0.0]);
    assert_eq!(written(&Gear::Forward), [0.0, 1.0, 0.0]);
    assert_eq!(written(&Gear::Reverse), [0.0, 0.0, 1.0]);
}

#[test]
fn a_unit_enum_is_an_action_of_its_own() {
    let [field] = decided::<Gear>().try_into().expect("one field");
    assert_eq!(field.name, "");
    assert_eq!(field.parts, ["Neutral", "Forward", "Reverse"]);
    assert_eq!(field.kind, ActionKind::Discrete);
    assert_eq!(<Gear as Action>::WIDTH, 1);
    for (choice, gear) in [(0.0, Gear::Neutral), (1.0, Gear::Forward), (2.0, Gear::Reverse)] {
        assert_eq!(decoded::<Gear>(&[choice]), gear);
        assert_eq!(encoded(&gear), [choice]);
    }
}

#[test]
fn every_action_field_has_its_head() {
    let head = |field: &ActionField| (field.name.clone(), field.parts.join(","), field.kind);
    let heads: Vec<_> = decided::<Drive>().iter().map(head).collect();
    let between = |low, high| ActionKind::Continuous { low, high };
    let expected = [
        ("steer", "", between(-1.0, 1.0)),
        ("throttle", "x,y", between(0.0, 2.0)),
        ("aim", "x,y,z", between(-30.0, 30.0)),
        ("lean", "x,y,z,w", between(-1.0, 1.0)),
        ("fingers", "0,1", between(-1.0, 3.0)),
        ("gear", "Neutral,Forward,Reverse", ActionKind::Discrete),
        ("horn", "false,true", ActionKind::Discrete),
        ("lane", "0,1,2", ActionKind::Discrete),
        ("weapon", "0,1,2,3", ActionKind::Discrete),
        ("turret.pitch", "", between(-1.0, 1.0)),
        ("turret.fire", "false,true", ActionKind::Discrete),
    ];
    let expected = expected.map(|(name, parts, kind)| (name.to_owned(), parts.to_owned(), kind));
    assert_eq!(heads, expected);
    let docs: Vec<_> = decided::<Drive>().into_iter().map(|field| field.doc).collect();
    assert_eq!((docs[0].as_str(), docs[5].as_str(), docs[9].as_str()), ("Left is -1.", "Which way.", "Up is 1."));
}

#[test]
fn a_row_is_stretched_to_the_ranges() {
    #[rustfmt::skip]
    let row = [
        -0.5,   0.0, 0.5,   -1.0, 0.0, 1.0,   0.1, 0.2, 0.3, 0.4,   0.5, -0.5,
        2.0, 1.0, 2.0, 3.0,   0.25, 1.0,
    ];
    let expected = Drive {
        steer: -0.5,
        throttle: Vec2::new(1.0, 1.5),
        aim: Vec3::new(-30.0, 0.0, 30.0),
        lean: Vec4::new(0.1, 0.2, 0.3, 0.4),
        fingers: [2.0, 0.0],
        gear: Gear::Reverse,
        horn: true,
        lane: 2,
        weapon: 3,
        turret: Turret { pitch: 0.25, fire: true },
    };
    assert_eq!(decoded::<Drive>(&row), expected);
    assert_eq!(encoded(&expected), row);
}

#[test]
fn every_row_is_a_valid_action() {
    let check = |column: f32, throttle: f32, lane: u8| {
        let drive = decoded::<Drive>(&[column; Drive::WIDTH]);
        assert_eq!((drive.throttle, drive.lane), (Vec2::splat(throttle), lane), "{column}");
    };
    check(5.0, 2.0, 0);
    check(-5.0, 0.0, 0);
    check(f32::INFINITY, 2.0, 0);
    check(f32::NEG_INFINITY, 0.0, 0);
    check(f32::NAN, 1.0, 0);
    check(2.0, 2.0, 2);
    check(3.0, 2.0, 0);
    assert_eq!(decoded::<Gear>(&[f32::NAN]), Gear::Neutral);
    assert_eq!(decoded::<Gear>(&[3.0]), Gear::Neutral);
    assert!(!decoded::<Drive>(&[2.0; Drive::WIDTH]).horn);
}

#[test]
fn every_action_is_a_valid_row() {
    let wild = Drive { steer: f32::NAN, throttle: Vec2::new(-9.0, 9.0), lane: 200, ..Drive::default() };
    let row = encoded(&wild);
    assert_eq!(row[..3], [0.0, -1.0, 1.0]);
    assert_eq!(row[14], 0.0);
}

/// `decode(encode(a)) = a`: exactly for choices and for the range -1..=1, within rounding for others.
#[test]
fn encoding_and_decoding_are_inverse() {
    let mut rng = Seed::new(5).generator();
    for _ in 0..10_000 {
        let row: Vec<f32> = decided::<Drive>().iter().flat_map(|field| random_columns(field, &mut rng)).collect();
        let action: Drive = decoded(&row);
        let again: Drive = decoded(&encoded(&action));
        assert!(again.throttle.abs_diff_eq(action.throttle, 2.0 * f32::EPSILON), "{again:?} {action:?}");
        assert!(again.aim.abs_diff_eq(action.aim, REACH * f32::EPSILON), "{again:?} {action:?}");
        assert!(Vec2::from(again.fingers).abs_diff_eq(action.fingers.into(), 4.0 * f32::EPSILON));
        let exact = Drive { throttle: action.throttle, aim: action.aim, fingers: action.fingers, ..again };
        assert_eq!(exact, action);
    }
}

fn random_columns(field: &ActionField, rng: &mut impl rand::Rng) -> Vec<f32> {
    match field.kind {
        ActionKind::Continuous { .. } => field.parts.iter().map(|_| rng.random_range(-1.0..=1.0)).collect(),
        ActionKind::Discrete => vec![rng.random_range(0..field.parts.len()) as f32],
    }
}

#[test]
fn the_ends_of_a_range_are_reached_and_never_passed() {
    #[derive(Action, Default)]
    struct Odd {
        #[action(continuous, range = 0.1..=0.7)]
        value: f32,
    }
    let value = |column: f32| decoded::<Odd>(&[column]).value;
    assert!((value(1.0) - 0.7).abs() < 1e-6 && (value(-1.0) - 0.1).abs() < 1e-6);
    for step in 0..=1000 {
        let column = (step as f32 / 500.0) - 1.0;
        assert!((0.1..=0.7).contains(&value(column)), "{column}");
    }
}

/// Two of the same, each with a choice of its own.
#[derive(Action, Default)]
struct Pair<T: Action + Default> {
    #[action(nested)]
    left: T,
    #[action(continuous)]
    grip: f32,
    #[action(nested)]
    right: T,
    #[action(discrete)]
    together: bool,
}

#[derive(Action, Default)]
struct Hand {
    #[action(discrete = 3)]
    finger: u16,
    #[action(nested)]
    gear: Gear,
}

#[test]
fn a_mask_has_the_fields_that_are_choices() {
    let mut mask = ActionMask::<Pair<Hand>>::default();
    let flags = |mask: &ActionMask<Pair<Hand>>| {
        let mut row = [false; 15];
        assert_eq!(mask.write(&mut row), [false], "one flag per choice");
        row[..14].iter().map(|&allowed| u8::from(allowed)).collect::<Vec<_>>()
    };
    assert_eq!(flags(&mask), [1; 14]);
    mask.left.finger.allow_only([1]);
    mask.left.finger.forbid(9);
    mask.right.gear.forbid(Gear::Reverse);
    mask.together.forbid(false);
    assert_eq!(flags(&mask), [0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1]);
    assert!(mask.left.gear.is_allowed(Gear::Reverse) && !mask.right.gear.is_allowed(Gear::Reverse));
    mask.allow_all();
    assert_eq!(flags(&mask), [1; 14]);
}

#[test]
fn an_action_that_chooses_nothing_has_nothing_to_forbid() {
    #[derive(Action, Default)]
    struct Steer {
        #[action(continuous)]
        angle: f32,
    }
    ActionMask::<Steer>::default().write(&mut []);
    assert_eq!(decided::<Steer>().len(), 1);
}

#[test]
fn taking_a_reward_leaves_zeros() {
    let mut score = Score { progress: 2.0, r#break: -1.0 };
    let mut terms = [f32::NAN; Score::TERMS];
    score.take(&mut terms);
    assert_eq!(terms, [2.0, -1.0]);
    score.take(&mut terms);
    assert_eq!(terms, [0.0, 0.0]);
    let named: Vec<_> = Score::terms().into_iter().map(|term| (term.name, term.doc)).collect();
    let expected = [("progress", "1 for every metre."), ("break", "")];
    assert_eq!(named, expected.map(|(name, doc)| (name.to_owned(), doc.to_owned())));
}

#[test]
fn an_agent_names_its_components() {
    fn check<A: Agent<Observation = Senses, Action = Drive, Reward = Score>>(_: A) -> &'static str {
        A::NAME
    }
    assert_eq!(check(Car), "Car");
}

//! The observation of a player: all that is on the pitch, as seen from the player.

use bevy::prelude::*;
use bevy_ludus::prelude::*;

use super::{Body, HALF_PITCH, Pitch, Player, Seat, Side, TEAM};

/// The observation of a player. Vectors are to its right and ahead of it, unless they are called otherwise.
#[derive(Component, Observation, Reflect, Default, Clone, Debug, PartialEq)]
pub struct PlayerSenses {
    /// Its place, from the middle of the pitch: towards the goal of the other team, and to the right of this way [m].
    #[observation(range = -7.0..=7.0)]
    pub place: Vec2,
    /// The direction in which it looks, as its place.
    pub ahead: Vec2,
    /// Its velocity [m/s].
    #[observation(range = -6.0..=6.0)]
    pub velocity: Vec2,
    /// The ball.
    pub ball: Sight,
    /// The direction to the ball, a unit vector.
    pub ball_direction: Vec2,
    /// The direction from the ball to the goal of the other team, a unit vector.
    pub aim: Vec2,
    /// The middle of the goal of the other team [m].
    #[observation(range = -17.0..=17.0)]
    pub goal: Vec2,
    /// The middle of the goal of its own team [m].
    #[observation(range = -17.0..=17.0)]
    pub own_goal: Vec2,
    /// The other player of its team.
    pub mate: Sight,
    /// The players of the other team, the nearer one first.
    pub opponents: [Sight; TEAM],
}

/// The place and the motion of another player or of the ball, as a player sees them.
#[derive(Observation, Reflect, Default, Clone, Copy, Debug, PartialEq)]
pub struct Sight {
    /// The place, from the one who looks [m].
    #[observation(range = -17.0..=17.0)]
    pub place: Vec2,
    /// The velocity on the pitch [m/s].
    #[observation(range = -12.0..=12.0)]
    pub velocity: Vec2,
}

impl Pitch {
    /// Returns the observation of a player.
    pub fn seen_by(&self, side: Side, seat: usize) -> PlayerSenses {
        // Half a turn about the middle of the pitch lets both teams play in the same direction.
        let turned = |body: Body| Body {
            place: body.place * side.sign(),
            velocity: body.velocity * side.sign(),
            ahead: body.ahead * side.sign(),
        };
        let [own, others] = [side, side.other()].map(|side| self.players[side as usize].map(turned));
        let (me, ball) = (own[seat], turned(self.ball));
        let from_me = |vector: Vec2| Vec2::new(vector.dot(me.ahead.perp()), vector.dot(me.ahead));
        let see = |body: Body| Sight { place: from_me(body.place - me.place), velocity: from_me(body.velocity) };
        let goal = Vec2::X * HALF_PITCH.x;
        let mut opponents = others.map(see);
        opponents.sort_by(|one, other| one.place.length_squared().total_cmp(&other.place.length_squared()));
        PlayerSenses {
            place: me.place,
            ahead: me.ahead,
            velocity: from_me(me.velocity),
            ball: see(ball),
            ball_direction: from_me((ball.place - me.place).normalize_or_zero()),
            aim: from_me((goal - ball.place).normalize_or_zero()),
            goal: from_me(goal - me.place),
            own_goal: from_me(-goal - me.place),
            mate: see(own[TEAM - 1 - seat]),
            opponents,
        }
    }
}

pub fn sense(
    mut players: Query<(&InArena, &Side, &Seat, &mut PlayerSenses), With<Player>>,
    pitches: Query<&Pitch>,
) -> Result {
    for (home, side, seat, mut senses) in &mut players {
        *senses = pitches.get(home.0)?.seen_by(*side, seat.0);
    }
    Ok(())
}

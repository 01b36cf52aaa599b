//! The part of the window that shows the scene: cameras draw into it, and clicks in it select agents.

use bevy::camera::visibility::RenderLayers;
use bevy::camera::{CameraOutputMode, RenderTarget, Viewport};
use bevy::prelude::*;
use bevy::render::render_resource::BlendState;
use bevy::window::{PrimaryWindow, WindowRef};
use bevy_egui::{EguiGlobalSettings, PrimaryEguiContext};

use crate::scene::SceneKinds;
use crate::snapshot::AgentId;

/// Order of the panels' camera, above all cameras of the game.
const EDITOR_ORDER: isize = 1_000;

/// The place of the scene in the window.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq)]
pub struct ViewportRect {
    /// The rectangle in the window \[logical pixels\]; `None` while the scene is hidden behind another panel.
    pub rect: Option<Rect>,
}

/// A click into the scene, in the window's coordinates \[logical pixels\].
#[derive(Message, Clone, Copy, Debug, PartialEq)]
pub struct ViewportClick(pub Vec2);

/// A camera of the game's visuals that draws into the viewport, with the transform and the projection that the game
/// gave it.
#[derive(Component)]
pub struct SceneCamera(pub Transform, pub Projection);

/// The camera that draws the panels.
#[derive(Component)]
struct PanelCamera;

/// Adds the viewport.
pub struct ViewportPlugin;

impl Plugin for ViewportPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<ViewportRect>().add_message::<ViewportClick>();
        app.add_systems(Startup, add_panel_camera);
        app.add_systems(PostUpdate, (adopt_cameras, fit_cameras).chain().before(bevy::camera::CameraUpdateSystems));
    }
}

fn add_panel_camera(mut settings: ResMut<EguiGlobalSettings>, mut commands: Commands) {
    settings.auto_create_primary_context = false;
    commands.spawn((
        PanelCamera,
        PrimaryEguiContext,
        Camera2d,
        RenderLayers::none(),
        Camera {
            order: EDITOR_ORDER,
            output_mode: CameraOutputMode::Write {
                blend_state: Some(BlendState::ALPHA_BLENDING),
                clear_color: ClearColorConfig::None,
            },
            clear_color: ClearColorConfig::Custom(Color::NONE),
            ..default()
        },
    ));
}

type Placed<'a> = (Entity, &'a RenderTarget, &'a Transform, &'a Projection);

/// Marks the game's cameras that draw to the window as cameras of the scene.
fn adopt_cameras(
    cameras: Query<Placed, (Added<Camera>, Without<PanelCamera>)>,
    primary: Query<(), With<PrimaryWindow>>,
    mut commands: Commands,
) {
    for (camera, target, place, projection) in &cameras {
        let is_on_window = match target {
            RenderTarget::Window(WindowRef::Primary) => true,
            RenderTarget::Window(WindowRef::Entity(window)) => primary.contains(*window),
            _ => false,
        };
        if is_on_window {
            commands.entity(camera).insert(SceneCamera(*place, projection.clone()));
        }
    }
}

fn fit_cameras(
    viewport: Res<ViewportRect>,
    window: Query<&Window, With<PrimaryWindow>>,
    mut cameras: Query<&mut Camera, With<SceneCamera>>,
) {
    let Ok(window) = window.single() else { return };
    let physical = viewport.rect.and_then(|rect| physical_rect(rect, window));
    for mut camera in &mut cameras {
        let is_shown = physical.is_some();
        if camera.is_active != is_shown {
            camera.is_active = is_shown;
        }
        let Some(rect) = physical else { continue };
        let is_same = camera
            .viewport
            .as_ref()
            .is_some_and(|old| (old.physical_position, old.physical_size) == (rect.min, rect.size()));
        if !is_same {
            camera.viewport = Some(Viewport { physical_position: rect.min, physical_size: rect.size(), ..default() });
        }
    }
}

/// Returns the place of an agent in the window \[logical pixels\]; `None` if no camera sees it.
pub fn seen_at(world: &mut World, agent: AgentId) -> Option<Vec2> {
    let agent = world.resource::<SceneKinds>().entity(world, agent)?;
    let place = world.get::<GlobalTransform>(agent)?.translation();
    let mut cameras = world.query_filtered::<(&Camera, &GlobalTransform), With<SceneCamera>>();
    cameras.iter(world).find_map(|(camera, eye)| camera.world_to_viewport(eye, place).ok())
}

/// Returns the physical pixels of a part of the window; `None` if there are none.
fn physical_rect(rect: Rect, window: &Window) -> Option<URect> {
    let scale = window.scale_factor();
    let (least, most) = (Vec2::ZERO, window.physical_size().as_vec2());
    let min = (rect.min * scale).round().clamp(least, most).as_uvec2();
    let max = (rect.max * scale).round().clamp(least, most).as_uvec2();
    (max.x > min.x && max.y > min.y).then_some(URect { min, max })
}

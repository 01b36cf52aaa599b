//! Opens a window, or returns the reason that there can't be one.

use std::sync::atomic::{AtomicBool, Ordering};

use bevy::app::TerminalCtrlCHandlerPlugin;
use bevy::prelude::*;
use bevy::render::settings::WgpuSettings;
use bevy::tasks::block_on;
use bevy::window::{PresentMode, WindowResolution};
use ludus_train::interrupt;

/// The window's size at first [points].
const SIZE: (u32, u32) = (1280, 800);

/// The reason that no window can be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WindowError {
    /// There is no display.
    #[error("no display: {reason}; start it in a desktop session")]
    NoDisplay {
        /// The reason that the display can't be used.
        reason: String,
    },
    /// There is no GPU, and no driver that draws without one.
    #[error(
        "no GPU was found, nor a driver that draws without one; install a Vulkan driver, such as `mesa-vulkan-drivers`"
    )]
    NoGpu,
}

/// Returns an app with a window and everything that draws, for a game with this name.
///
/// # Errors
///
/// If there is no display, or nothing that draws on it: Bevy itself would panic.
pub fn windowed_app(game: &str) -> Result<App, WindowError> {
    let display = connect().map_err(|reason| WindowError::NoDisplay { reason })?;
    if !has_gpu() {
        return Err(WindowError::NoGpu);
    }
    let window = Window {
        title: format!("{game} – bevy_ludus"),
        resolution: WindowResolution::new(SIZE.0, SIZE.1),
        present_mode: PresentMode::AutoVsync,
        ..Window::default()
    };
    let mut app = App::new();
    let plugins = DefaultPlugins.build().disable::<TerminalCtrlCHandlerPlugin>();
    app.add_plugins(plugins.set(WindowPlugin { primary_window: Some(window), ..WindowPlugin::default() }));
    app.insert_resource(display).insert_resource(Interrupted(interrupt::listen(|| ())));
    app.add_systems(Update, exit_if_interrupted);
    Ok(app)
}

/// The flag that the user or the system sets to end the process.
#[derive(Resource)]
struct Interrupted(&'static AtomicBool);

/// Closes the window if the process was asked to end, and so saves the run. Bevy's own handler would leave all signals
/// to the system where one of them is ignored, as under `nohup`.
fn exit_if_interrupted(interrupted: Res<Interrupted>, mut exit: MessageWriter<AppExit>) {
    if interrupted.0.load(Ordering::Relaxed) {
        exit.write(AppExit::from_code(interrupt::EXIT_CODE));
    }
}

/// True if Bevy will find something to draw with.
fn has_gpu() -> bool {
    let settings = WgpuSettings::default();
    // Without a backend, Bevy draws nothing and needs no GPU.
    let Some(backends) = settings.backends else { return true };
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default())).is_ok()
}

/// A connection to the display. It is held as long as the app lives: an X server may close when its last client
/// disconnects, and between this check and Bevy's own connection there would be none.
#[derive(Resource)]
struct Display {
    #[cfg(all(unix, not(target_os = "macos")))]
    _connection: x11rb::rust_connection::RustConnection,
}

/// On other systems a program that can be started has a display.
#[cfg(not(all(unix, not(target_os = "macos"))))]
fn connect() -> Result<Display, String> {
    Ok(Display {})
}

#[cfg(all(unix, not(target_os = "macos")))]
fn connect() -> Result<Display, String> {
    let Some(display) = std::env::var_os("DISPLAY").filter(|display| !display.is_empty()) else {
        return Err("`DISPLAY` is not set".to_owned());
    };
    let refused = |error| format!("the X server `{}` can't be reached ({error})", display.to_string_lossy());
    let (_connection, _) = x11rb::connect(None).map_err(refused)?;
    Ok(Display { _connection })
}

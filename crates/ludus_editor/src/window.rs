//! Opening a window, or saying in a sentence why there can't be one.

use bevy::prelude::*;
use bevy::render::settings::WgpuSettings;
use bevy::tasks::block_on;
use bevy::window::{PresentMode, WindowResolution};

/// The window's size at first [points].
const SIZE: (u32, u32) = (1280, 800);

/// Why no window can be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WindowError {
    /// There is no screen.
    #[error("no display: {reason}; start it in a desktop session")]
    NoDisplay {
        /// What is missing.
        reason: String,
    },
    /// Nothing can draw.
    #[error(
        "no GPU was found, nor a driver that draws without one; install a Vulkan driver, such as `mesa-vulkan-drivers`"
    )]
    NoGpu,
}

/// An app with everything that draws, for a game with this name.
///
/// # Errors
///
/// If there is no display, or nothing that draws on it: Bevy itself would panic.
pub fn windowed_app(game: &str) -> Result<App, WindowError> {
    check_display().map_err(|reason| WindowError::NoDisplay { reason })?;
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
    app.add_plugins(DefaultPlugins.set(WindowPlugin { primary_window: Some(window), ..WindowPlugin::default() }));
    Ok(app)
}

/// Whether Bevy will find something to draw with.
fn has_gpu() -> bool {
    let settings = WgpuSettings::default();
    // Without any, Bevy draws nothing and needs nothing.
    let Some(backends) = settings.backends else { return true };
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default())).is_ok()
}

/// Elsewhere a program that can be started has a display.
#[cfg(not(all(unix, not(target_os = "macos"))))]
fn check_display() -> Result<(), String> {
    Ok(())
}

#[cfg(all(unix, not(target_os = "macos")))]
fn check_display() -> Result<(), String> {
    let Some(display) = std::env::var_os("DISPLAY").filter(|display| !display.is_empty()) else {
        return Err("`DISPLAY` is not set".to_owned());
    };
    let refused = |error| format!("the X server `{}` can't be reached ({error})", display.to_string_lossy());
    x11rb::connect(None).map(|_| ()).map_err(refused)
}

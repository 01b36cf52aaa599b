//! The path by which the generated code names the traits.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

/// Returns the path of `ludus_agent` in the crate that is being compiled, directly or through `bevy_ludus`.
pub fn library() -> syn::Result<TokenStream> {
    if let Some(agent) = dependency("ludus_agent") {
        return Ok(quote!(::#agent));
    }
    if let Some(facade) = dependency("bevy_ludus") {
        return Ok(quote!(::#facade::agent));
    }
    Err(syn::Error::new(Span::call_site(), "this derive needs `bevy_ludus` among the dependencies in `Cargo.toml`"))
}

/// Returns the name of `package` in the crate that is being compiled, which may rename it. In the package itself it is
/// the package's own name, which `extern crate self` declares.
fn dependency(package: &str) -> Option<Ident> {
    let name = match crate_name(package).ok()? {
        FoundCrate::Itself => package.to_owned(),
        FoundCrate::Name(name) => name,
    };
    Some(Ident::new(&name, Span::call_site()))
}

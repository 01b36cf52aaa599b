//! Where the generated code finds the traits.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

/// The path of `ludus_agent` in the crate that is being compiled, directly or through `bevy_ludus`.
pub fn library() -> syn::Result<TokenStream> {
    if let Some(agent) = dependency("ludus_agent") {
        return Ok(quote!(::#agent));
    }
    if let Some(facade) = dependency("bevy_ludus") {
        return Ok(quote!(::#facade::agent));
    }
    Err(syn::Error::new(Span::call_site(), "this derive needs `bevy_ludus` among the dependencies in `Cargo.toml`"))
}

/// The name of `package` here: it may be renamed. A package knows itself by its own name through `extern crate self`.
fn dependency(package: &str) -> Option<Ident> {
    let name = match crate_name(package).ok()? {
        FoundCrate::Itself => package.to_owned(),
        FoundCrate::Name(name) => name,
    };
    Some(Ident::new(&name, Span::call_site()))
}

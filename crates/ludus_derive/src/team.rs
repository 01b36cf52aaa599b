//! `#[derive(Team)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::errors::Errors;
use crate::library::library;
use crate::shape::{Shape, Variant, shape};

/// The most teams of a match: `ludus_agent::MOST_TEAMS`.
const MOST_TEAMS: usize = 8;

pub fn expand(item: &DeriveInput) -> syn::Result<TokenStream> {
    let library = library()?;
    let name = &item.ident;
    let mut errors = Errors::default();
    let variants = match shape(item, "Team", &mut errors) {
        Some(Shape::Enum(variants)) => variants,
        Some(Shape::Struct(_)) => {
            errors.report(name, format!("`Team` needs an enum with a variant for each team: make `{name}` one"));
            Vec::new()
        }
        None => Vec::new(),
    };
    if variants.len() > MOST_TEAMS {
        let message = format!("`{name}` has {} teams, but a match has at most {MOST_TEAMS}", variants.len());
        errors.report(name, message);
    }
    let names = variants.iter().map(|variant| &variant.name);
    let idents = variants.iter().map(|Variant { ident, .. }| ident);
    let indices = 0..variants.len();
    errors.finish(quote! {
        #[automatically_derived]
        impl #library::Team for #name {
            const NAMES: &'static [&'static str] = &[#(#names),*];

            fn index(&self) -> usize {
                match self {
                    #(Self::#idents => #indices,)*
                }
            }
        }
    })
}

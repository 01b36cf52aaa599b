//! The mask of an action that is a struct: a struct of the choices among its fields.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DeriveInput, Ident};

use crate::shape::Field;

/// A field of a mask.
pub struct MaskField<'a> {
    /// The action's field to which it belongs.
    pub field: &'a Field<'a>,
    /// The type of the mask's field.
    pub mask: TokenStream,
    /// An expression for the value that allows everything.
    pub default: TokenStream,
}

/// Returns the type of an action's mask, and its definition. For actions without choices it is `()`, without a
/// definition.
pub fn mask(item: &DeriveInput, fields: &[MaskField], library: &TokenStream) -> (TokenStream, TokenStream) {
    if fields.is_empty() {
        return (quote!(()), TokenStream::new());
    }
    let (_, type_generics, _) = item.generics.split_for_impl();
    let mask = format_ident!("{}Mask", item.ident);
    (quote!(#mask #type_generics), definition(item, &mask, fields, library))
}

fn definition(item: &DeriveInput, mask: &Ident, fields: &[MaskField], library: &TokenStream) -> TokenStream {
    let generics = &item.generics;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let (name, visibility) = (&item.ident, &item.vis);
    let doc = format!("The choices of a `{name}` that are allowed.");
    let declarations = fields.iter().map(declaration);
    let idents: Vec<_> = fields.iter().map(|part| part.field.ident).collect();
    let defaults = fields.iter().map(|part| &part.default);
    quote! {
        #[doc = #doc]
        #visibility struct #mask #generics #where_clause {
            #(#declarations,)*
            // Uses the parameters that no choice depends on.
            #[doc(hidden)]
            __action: ::core::marker::PhantomData<fn() -> #name #type_generics>,
        }

        #[automatically_derived]
        impl #impl_generics ::core::default::Default for #mask #type_generics #where_clause {
            fn default() -> Self {
                Self { #(#idents: #defaults,)* __action: ::core::marker::PhantomData }
            }
        }

        #[automatically_derived]
        impl #impl_generics #library::Mask for #mask #type_generics #where_clause {
            fn allow_all(&mut self) {
                #(#library::Mask::allow_all(&mut self.#idents);)*
            }

            #[inline]
            fn write<'row>(&self, row: &'row mut [bool]) -> &'row mut [bool] {
                #(let row = #library::Mask::write(&self.#idents, row);)*
                row
            }
        }
    }
}

fn declaration(MaskField { field, mask, .. }: &MaskField) -> TokenStream {
    let (visibility, ident) = (field.visibility, field.ident);
    let doc = format!("The mask of `{}`.", field.name);
    quote!(#[doc = #doc] #visibility #ident: #mask)
}

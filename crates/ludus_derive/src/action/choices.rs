//! A unit enum as a set of choices.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::shape::Variant;

/// Implements `DiscreteAction` for the enum, so that it can be a field, and `Action`, so that it can be a whole action.
pub fn implementation(item: &DeriveInput, variants: &[Variant], library: &TokenStream) -> TokenStream {
    let choices = discrete_action(item, variants, library);
    let action = action(item, library);
    quote!(#choices #action)
}

fn discrete_action(item: &DeriveInput, variants: &[Variant], library: &TokenStream) -> TokenStream {
    let name = &item.ident;
    let count = variants.len();
    let idents: Vec<_> = variants.iter().map(|variant| variant.ident).collect();
    let names = variants.iter().map(|variant| &variant.name);
    let indices = 0..count;
    let others = 1..count;
    let (first, rest) = (idents.first(), idents.iter().skip(1));
    quote! {
        #[automatically_derived]
        impl #library::DiscreteAction for #name {
            const CHOICES: usize = #count;

            fn parts() -> ::std::vec::Vec<::std::string::String> {
                [#(#names),*].map(::std::borrow::ToOwned::to_owned).to_vec()
            }

            #[inline]
            fn from_choice(choice: usize) -> Self {
                match choice { #(#others => Self::#rest,)* _ => Self::#first }
            }

            #[inline]
            fn choice(&self) -> usize {
                match self { #(Self::#idents => #indices,)* }
            }
        }
    }
}

fn action(item: &DeriveInput, library: &TokenStream) -> TokenStream {
    let name = &item.ident;
    quote! {
        #[automatically_derived]
        impl #library::Action for #name {
            const WIDTH: usize = 1;

            type Mask = #library::Choices<Self>;

            fn fields(name: &str, doc: &str, fields: &mut ::std::vec::Vec<#library::spec::ActionField>) {
                fields.push(#library::spec::ActionField {
                    name: name.to_owned(),
                    doc: doc.to_owned(),
                    parts: <Self as #library::DiscreteAction>::parts(),
                    kind: #library::spec::ActionKind::Discrete,
                });
            }

            #[inline]
            fn read(&mut self, row: &[f32]) {
                *self = <Self as #library::DiscreteAction>::from_choice(row[0] as u32 as usize);
            }

            #[inline]
            fn write(&self, row: &mut [f32]) {
                row[0] = <Self as #library::DiscreteAction>::choice(self) as f32;
            }
        }
    }
}

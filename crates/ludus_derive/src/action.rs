//! `#[derive(Action)]`.

mod choices;
mod field;
mod mask;

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::errors::Errors;
use crate::library::library;
use crate::shape::{Field, Shape, shape};
use field::ActionField;

pub fn expand(item: &DeriveInput) -> syn::Result<TokenStream> {
    let library = library()?;
    let mut errors = Errors::default();
    let implementation = match shape(item, "Action", &mut errors) {
        Some(Shape::Struct(fields)) => struct_implementation(item, &fields, &library, &mut errors),
        Some(Shape::Enum(variants)) => choices::implementation(item, &variants, &library),
        None => TokenStream::new(),
    };
    errors.finish(implementation)
}

fn struct_implementation(
    item: &DeriveInput,
    fields: &[Field],
    library: &TokenStream,
    errors: &mut Errors,
) -> TokenStream {
    let fields: Vec<_> = fields.iter().filter_map(|field| ActionField::new(field, library, errors)).collect();
    let checks = fields.iter().filter_map(ActionField::check);
    let widths: Vec<_> = fields.iter().map(ActionField::width).collect();
    let descriptions = fields.iter().map(ActionField::description);
    let reads = fields.iter().map(ActionField::read);
    let writes = fields.iter().map(ActionField::write);
    let masks: Vec<_> = fields.iter().filter_map(ActionField::mask).collect();
    let (mask, mask_definition) = mask::mask(item, &masks, library);
    let name = &item.ident;
    let (impl_generics, type_generics, where_clause) = item.generics.split_for_impl();
    let implementation = quote! {
        #[automatically_derived]
        impl #impl_generics #library::Action for #name #type_generics #where_clause {
            const WIDTH: usize = {
                #(#checks)*
                0 #(+ #widths)*
            };

            type Mask = #mask;

            fn fields(name: &str, doc: &str, fields: &mut ::std::vec::Vec<#library::spec::ActionField>) {
                #(#descriptions)*
            }

            #[inline]
            fn read(&mut self, row: &[f32]) {
                let row = &row[..<Self as #library::Action>::WIDTH];
                #(
                    let (columns, row) = row.split_at(#widths);
                    #reads
                )*
                let _ = row;
            }

            #[inline]
            fn write(&self, row: &mut [f32]) {
                let row = &mut row[..<Self as #library::Action>::WIDTH];
                #(
                    let (columns, row) = row.split_at_mut(#widths);
                    #writes
                )*
                let _ = row;
            }
        }
    };
    // In a block, so that the mask's name can't clash with another; the mask is named as `<… as Action>::Mask`.
    quote!(const _: () = { #mask_definition #implementation };)
}

//! A field of an action: its kind, and the code that is generated for it.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Ident, Lit};

use crate::errors::Errors;
use crate::range::ValueRange;
use crate::settings::{Keys, Setting};
use crate::shape::Field;

use super::mask::MaskField;

const KEYS: Keys = Keys { attribute: "action", valid: &["continuous", "discrete", "nested", "range"] };

/// A field of an action.
pub struct ActionField<'a> {
    field: &'a Field<'a>,
    decision: FieldKind,
    library: &'a TokenStream,
}

/// The kinds of fields of an action.
enum FieldKind {
    /// A number per dimension, in this range.
    Continuous(ValueRange),
    /// One of the choices of a bool or a unit enum.
    Discrete,
    /// A whole number below this one.
    Number(Expr),
    /// A type that derives `Action`: its own fields are decided.
    Nested,
}

impl<'a> ActionField<'a> {
    /// Reads the field's attribute; `None` if it has a problem.
    pub fn new(field: &'a Field<'a>, library: &'a TokenStream, errors: &mut Errors) -> Option<Self> {
        let mut problems = Errors::default();
        let decision = decision(field, &mut problems);
        let decision = errors.keep(problems.finish(decision))??;
        Some(Self { field, decision, library })
    }

    /// Returns the field's part of the action's mask, if the field is a choice or may contain choices.
    pub fn mask(&self) -> Option<MaskField<'_>> {
        let (library, ty) = (self.library, self.field.ty);
        let (mask, default) = match &self.decision {
            FieldKind::Continuous(_) => return None,
            FieldKind::Discrete => {
                let implementation = self.implementation();
                (quote!(#library::Choices<#ty>), quote!(#library::Choices::all(#implementation::CHOICES)))
            }
            FieldKind::Number(choices) => (quote!(#library::Choices<#ty>), quote!(#library::Choices::all(#choices))),
            FieldKind::Nested => {
                let implementation = self.implementation();
                (quote!(#implementation::Mask), quote!(::core::default::Default::default()))
            }
        };
        Some(MaskField { field: self.field, mask, default })
    }

    /// Returns a statement for a constant expression that stops the build if a range or a count of choices is invalid.
    pub fn check(&self) -> Option<TokenStream> {
        match &self.decision {
            FieldKind::Continuous(range) => Some(range.check()),
            FieldKind::Number(choices) => {
                let (ty, library) = (self.field.ty, self.library);
                Some(quote_spanned! {choices.span()=>
                    let choices: usize = #choices;
                    ::core::assert!(choices >= 2, #TOO_FEW);
                    ::core::assert!(choices <= <#ty as #library::DiscreteNumber>::MOST, #TOO_MANY);
                })
            }
            FieldKind::Discrete | FieldKind::Nested => None,
        }
    }

    /// Returns the count of columns that the field takes, as an expression.
    pub fn width(&self) -> TokenStream {
        match &self.decision {
            FieldKind::Continuous(_) | FieldKind::Nested => {
                let implementation = self.implementation();
                quote!(#implementation::WIDTH)
            }
            FieldKind::Discrete | FieldKind::Number(_) => quote!(1),
        }
    }

    /// Returns a statement that appends the field to the spec.
    pub fn description(&self) -> TokenStream {
        let (library, implementation, name) = (self.library, self.implementation(), &self.field.name);
        let name = quote!(#library::joined(name, #name));
        let doc = if self.field.doc.is_empty() { quote!(doc) } else { self.field.doc.to_token_stream() };
        let (parts, kind) = match &self.decision {
            FieldKind::Continuous(range) => {
                let (low, high) = (range.low(), range.high());
                (quote!(#implementation::parts()), quote!(Continuous { low: #low, high: #high }))
            }
            FieldKind::Discrete => (quote!(#implementation::parts()), quote!(Discrete)),
            FieldKind::Number(choices) => (quote!(#implementation::parts(#choices)), quote!(Discrete)),
            FieldKind::Nested => return quote!(#implementation::fields(&#name, #doc, fields);),
        };
        quote! {
            fields.push(#library::spec::ActionField {
                name: #name,
                doc: #doc.to_owned(),
                parts: #parts,
                kind: #library::spec::ActionKind::#kind,
            });
        }
    }

    /// Returns a statement that reads the field from `columns`.
    pub fn read(&self) -> TokenStream {
        let (implementation, ident) = (self.implementation(), self.field.ident);
        match &self.decision {
            FieldKind::Continuous(range) => quote!(#implementation::read(&mut self.#ident, columns, #range);),
            FieldKind::Discrete => quote!(self.#ident = #implementation::from_choice(columns[0] as u32 as usize);),
            FieldKind::Number(choices) => {
                quote!(self.#ident = #implementation::from_choice(columns[0] as u32 as usize, #choices);)
            }
            FieldKind::Nested => quote!(#implementation::read(&mut self.#ident, columns);),
        }
    }

    /// Returns a statement that writes the field to `columns`.
    pub fn write(&self) -> TokenStream {
        let (implementation, ident) = (self.implementation(), self.field.ident);
        match &self.decision {
            FieldKind::Continuous(range) => quote!(#implementation::write(&self.#ident, columns, #range);),
            FieldKind::Discrete => quote!(columns[0] = #implementation::choice(&self.#ident) as f32;),
            FieldKind::Number(choices) => {
                quote!(columns[0] = #implementation::choice(self.#ident, #choices) as f32;)
            }
            FieldKind::Nested => quote!(#implementation::write(&self.#ident, columns);),
        }
    }

    /// Returns the field's type as the trait that its kind needs. If it does not implement the trait, the compiler's
    /// error is shown under the type.
    fn implementation(&self) -> TokenStream {
        let (ty, library) = (self.field.ty, self.library);
        let needed = match &self.decision {
            FieldKind::Continuous(_) => quote!(ContinuousAction),
            FieldKind::Discrete => quote!(DiscreteAction),
            FieldKind::Number(_) => quote!(DiscreteNumber),
            FieldKind::Nested => quote!(Action),
        };
        quote_spanned!(ty.span()=> <#ty as #library::#needed>)
    }
}

const TOO_FEW: &str = "a choice needs at least two options: write `discrete = 2` or more";
const TOO_MANY: &str = "the type is too small for so many choices: take a wider one, such as `u32`";

/// Reads the kind of a field from its attribute. If it has none, reports the problem and returns `None`.
fn decision(field: &Field, errors: &mut Errors) -> Option<FieldKind> {
    let settings = KEYS.settings::<Expr>(field.attributes, errors);
    let (mut ranges, decisions): (Vec<_>, Vec<_>) = settings.into_iter().partition(|setting| setting.key == "range");
    let Setting { key, value } = only_decision(field, decisions, errors)?;
    let range = ranges.pop();
    if let Some(range) = range.as_ref().filter(|_| key != "continuous") {
        let message = format!("`range` says how far a number reaches, and `{}` is `{key}`: drop the range", field.name);
        errors.report(&range.key, message);
    }
    match value {
        None if key == "continuous" => match range {
            Some(range) => range_value(&range, errors).map(FieldKind::Continuous),
            None => Some(FieldKind::Continuous(ValueRange::unit())),
        },
        None if key == "discrete" => Some(FieldKind::Discrete),
        None => Some(FieldKind::Nested),
        Some(choices) if key == "discrete" => number(choices, errors),
        Some(value) => {
            errors.report(&value, superfluous(&key));
            None
        }
    }
}

/// Returns the one key that says how the field is decided, and reports a missing or a second one.
fn only_decision(field: &Field, decisions: Vec<Setting<Expr>>, errors: &mut Errors) -> Option<Setting<Expr>> {
    if let [first, second, ..] = decisions.as_slice() {
        let message = format!("`{}` is both `{}` and `{}`: keep one", field.name, first.key, second.key);
        errors.report(&second.key, message);
    }
    // A misspelt key has been reported already, and leaves the field undecided.
    if decisions.is_empty() && errors.is_empty() {
        errors.report(field.ident, undecided(field));
    }
    decisions.into_iter().next()
}

fn range_value(setting: &Setting<Expr>, errors: &mut Errors) -> Option<ValueRange> {
    let Some(value) = &setting.value else {
        errors.report(&setting.key, "`range` needs a value, as in `range = 0.0..=2.0`");
        return None;
    };
    errors.keep(ValueRange::new(value))
}

fn number(choices: Expr, errors: &mut Errors) -> Option<FieldKind> {
    if let Expr::Lit(ExprLit { lit: Lit::Int(count), .. }) = &choices
        && count.base10_parse::<usize>().is_ok_and(|count| count < 2)
    {
        errors.report(count, TOO_FEW);
        return None;
    }
    Some(FieldKind::Number(choices))
}

fn undecided(field: &Field) -> String {
    format!(
        "nothing says how `{}` is decided: add `#[action(continuous)]`, `#[action(discrete)]`, \
         `#[action(discrete = 5)]` or `#[action(nested)]`",
        field.name
    )
}

fn superfluous(key: &Ident) -> String {
    match key.to_string().as_str() {
        "continuous" => {
            "`continuous` takes no value; for limits write `#[action(continuous, range = 0.0..=2.0)]`".into()
        }
        key => format!("`{key}` takes no value"),
    }
}

//! Compile-time proof that a Rust struct is laid out as the kernel's.

/// Asserts size, every offset, the absence of padding, and that no field is forgotten.
///
/// A macro and not a function: only a macro can name the fields of any struct. The numbers are written out at each
/// struct, so that they can be held against `pahole` by eye.
macro_rules! assert_layout {
    ($name:ident, $size:literal, { $($field:ident: $type:ty => $offset:literal),+ $(,)? }) => {
        const _: () = {
            assert!(size_of::<$name>() == $size, "size");
            $(assert!(core::mem::offset_of!($name, $field) == $offset, "offset");)+
            assert!(0 $(+ size_of::<$type>())+ == $size, "padding");
            // Not called: it compiles only when the list above names every field, each with its type.
            fn _complete($name { $($field),+ }: &$name) {
                $(let _: &$type = $field;)+
            }
        };
    };
}

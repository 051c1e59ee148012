//! Run-time choice of the instruction set for the elementwise kernels.
//!
//! The crate is compiled for plain x86-64, so that one binary runs everywhere; LLVM then vectorises
//! four lanes wide. `kernel!` compiles a function body twice, once more with AVX2, and picks at
//! run time. Both copies perform the same IEEE operations in the same order (Rust never contracts
//! `a * b + c`), so the choice changes the speed and never the result.

/// Defines functions whose bodies are compiled for the baseline and for AVX2.
///
/// Whatever a body calls must be `#[inline(always)]`, or it stays compiled for the baseline.
macro_rules! kernel {
    ($(
        $(#[$meta:meta])*
        $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block
    )+) => {$(
        $(#[$meta])*
        #[allow(clippy::too_many_arguments, reason = "operands come one by one")]
        $vis fn $name($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments, reason = "operands come one by one")]
            fn body($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                #[allow(clippy::too_many_arguments, reason = "operands come one by one")]
                fn avx2($($arg: $ty),*) $(-> $ret)? {
                    body($($arg),*)
                }

                if std::arch::is_x86_feature_detected!("avx2")
                    && std::arch::is_x86_feature_detected!("fma")
                {
                    // SAFETY: `avx2` is a safe function but for its target features, and the
                    // processor has just reported both.
                    #[expect(unsafe_code, reason = "calling a #[target_feature] function")]
                    return unsafe { avx2($($arg),*) };
                }
            }
            body($($arg),*)
        }
    )+};
}

pub(crate) use kernel;

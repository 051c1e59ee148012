//! The one door to the `gemm` crate: safe, bounds-checked, single-threaded matrix products.

use gemm::Parallelism;

/// A matrix seen in a slice: element (i, j) lies at `i * row_stride + j * column_stride`.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> View<'a> {
    /// A row-major matrix whose rows follow each other without gaps.
    pub(crate) fn dense(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// A row-major matrix whose rows start `row_stride` elements apart.
    pub(crate) fn strided(data: &'a [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        assert_inside(data.len(), rows, columns, row_stride);
        Self { data, rows, columns, row_stride, column_stride: 1 }
    }

    /// The transposed matrix, without moving anything.
    pub(crate) fn t(self) -> Self {
        Self {
            data: self.data,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }
}

/// A row-major matrix to write to.
pub(crate) struct ViewMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
}

impl<'a> ViewMut<'a> {
    /// A matrix whose rows follow each other without gaps.
    pub(crate) fn dense(data: &'a mut [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// A matrix whose rows start `row_stride` elements apart.
    pub(crate) fn strided(
        data: &'a mut [f32],
        rows: usize,
        columns: usize,
        row_stride: usize,
    ) -> Self {
        assert_inside(data.len(), rows, columns, row_stride);
        Self { data, rows, columns, row_stride }
    }

    /// `self = lhs · rhs`.
    pub(crate) fn set(mut self, lhs: View<'_>, rhs: View<'_>) {
        product(&mut self, false, lhs, rhs);
    }

    /// `self += lhs · rhs`.
    pub(crate) fn add(mut self, lhs: View<'_>, rhs: View<'_>) {
        product(&mut self, true, lhs, rhs);
    }
}

fn assert_inside(len: usize, rows: usize, columns: usize, row_stride: usize) {
    assert!(rows > 0 && columns > 0, "a matrix has at least one element");
    assert!(columns <= row_stride, "rows must not overlap");
    assert!((rows - 1) * row_stride + columns <= len, "the matrix reaches past its slice");
}

#[expect(unsafe_code, reason = "gemm's only entry point is unsafe")]
fn product(dst: &mut ViewMut<'_>, accumulate: bool, lhs: View<'_>, rhs: View<'_>) {
    assert_eq!(lhs.columns, rhs.rows, "inner dimensions differ");
    assert_eq!((dst.rows, dst.columns), (lhs.rows, rhs.columns), "outer dimensions differ");
    // SAFETY: `View` and `ViewMut` are built only by constructors that assert that the element of
    // the highest index lies inside the slice (and `t` swaps axes without changing it), so all
    // reads and writes of an m×n×k product stay inside. `dst` is a unique borrow with rows that do
    // not overlap, hence aliases neither operand. Every element is initialised.
    unsafe {
        gemm::gemm(
            dst.rows,
            dst.columns,
            lhs.columns,
            dst.data.as_mut_ptr(),
            1,
            dst.row_stride as isize,
            accumulate,
            lhs.data.as_ptr(),
            lhs.column_stride as isize,
            lhs.row_stride as isize,
            rhs.data.as_ptr(),
            rhs.column_stride as isize,
            rhs.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

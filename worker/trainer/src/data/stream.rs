//! One row of every batch: pieces of documents, read window by window.

use sweep_corpus::Tokens;

/// Pieces one after the other, a separator after each.
#[derive(Clone, Default)]
pub(crate) struct Stream<'a> {
    pieces: Vec<Tokens<'a>>,
    /// Where the next piece begins.
    ends: Vec<usize>,
}

impl<'a> Stream<'a> {
    pub(crate) fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    pub(crate) fn push(&mut self, piece: Tokens<'a>) {
        self.ends.push(self.len() + piece.len() + 1);
        self.pieces.push(piece);
    }

    /// `len` tokens from `start` on.
    pub(crate) fn window(&self, start: usize, len: usize, separator: u32) -> Vec<u32> {
        let mut window = Vec::with_capacity(len);
        let mut index = self.ends.partition_point(|end| *end <= start);
        while window.len() < len {
            let piece = self.pieces[index];
            let begun = self.ends[index] - piece.len() - 1;
            let from = (start + window.len()) - begun;
            let to = piece.len().min(from + len - window.len());
            window.extend(piece.slice(from..to).iter());
            if window.len() < len {
                window.push(separator);
            }
            index += 1;
        }
        window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows that begin and end within pieces, at separators and beyond several short pieces.
    #[test]
    fn a_stream_is_its_pieces_with_a_separator_after_each() {
        let pieces: [&[u8]; 5] = [b"abc", b"d", b"", b"efgh", b"i"];
        let mut stream = Stream::default();
        pieces.iter().for_each(|piece| stream.push(Tokens::U8(piece)));
        let whole: Vec<u32> = b"abc-d--efgh-i-".iter().map(|byte| u32::from(*byte)).collect();
        assert_eq!(stream.len(), whole.len());
        for start in 0..whole.len() {
            for len in 0..=whole.len() - start {
                let window = stream.window(start, len, u32::from(b'-'));
                assert_eq!(window, whole[start..start + len], "{start} {len}");
            }
        }
    }
}

//! The encodings that settings files come in, told apart by their byte order mark.
//!
//! The policy is *strict, and without loss*: a file that is not exactly what its mark announces is refused with
//! the offset of the first wrong byte. Nothing is replaced, so encoding a decoded file again gives the same bytes
//! (the caller splices bytes and relies on that). A file without a mark is UTF-8, as RFC 8259, section 8.1, wants
//! it; a code page is never guessed.

use baton_finding::Explain;
use thiserror::Error;

/// How a text file is written as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8 without a byte order mark.
    Utf8,
    /// UTF-8 after the mark `EF BB BF`, as .NET and Windows editors like to write it.
    Utf8WithMark,
    /// UTF-16, little endian, after the mark `FF FE`: what Windows calls *Unicode*.
    Utf16LittleEndian,
    /// UTF-16, big endian, after the mark `FE FF`.
    Utf16BigEndian,
}

impl Encoding {
    /// The encodings that are recognised by their mark; what carries none of these marks is UTF-8.
    const MARKED: [Self; 3] = [Self::Utf8WithMark, Self::Utf16LittleEndian, Self::Utf16BigEndian];

    /// The encoding that the first bytes of a file announce. Says nothing about whether the rest holds to it.
    #[must_use]
    pub fn detect(bytes: &[u8]) -> Self {
        Self::MARKED.into_iter().find(|encoding| bytes.starts_with(encoding.mark())).unwrap_or(Self::Utf8)
    }

    /// The byte order mark that a file in this encoding begins with; empty for [`Encoding::Utf8`].
    #[must_use]
    pub fn mark(self) -> &'static [u8] {
        match self {
            Self::Utf8 => &[],
            Self::Utf8WithMark => &[0xEF, 0xBB, 0xBF],
            Self::Utf16LittleEndian => &[0xFF, 0xFE],
            Self::Utf16BigEndian => &[0xFE, 0xFF],
        }
    }

    /// Reads a whole file: the encoding its mark announces, and the text behind the mark.
    ///
    /// # Errors
    /// At the first byte that does not belong into a text of that encoding.
    pub fn decode(bytes: &[u8]) -> Result<(Self, String), DecodeError> {
        let encoding = Self::detect(bytes);
        let start = encoding.mark().len();
        let content = &bytes[start..];
        let text = match encoding {
            Self::Utf8 | Self::Utf8WithMark => match std::str::from_utf8(content) {
                Ok(text) => text.to_owned(),
                Err(error) => return Err(DecodeError::Utf8 { offset: start + error.valid_up_to() }),
            },
            Self::Utf16LittleEndian => decode_utf16(content, start, u16::from_le_bytes)?,
            Self::Utf16BigEndian => decode_utf16(content, start, u16::from_be_bytes)?,
        };
        Ok((encoding, text))
    }

    /// Writes a whole file: the mark, then the text. The reverse of [`Encoding::decode`].
    #[must_use]
    pub fn encode(self, text: &str) -> Vec<u8> {
        let mut bytes = self.mark().to_vec();
        bytes.extend(self.encode_fragment(text));
        bytes
    }

    /// Writes a piece from the middle of a file, so without a mark.
    pub(crate) fn encode_fragment(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 | Self::Utf8WithMark => text.as_bytes().to_vec(),
            Self::Utf16LittleEndian => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16BigEndian => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        }
    }

    /// Where in the file the text behind `before` begins: in bytes, the mark counted.
    pub(crate) fn offset_behind(self, before: &str) -> usize {
        let length = match self {
            Self::Utf8 | Self::Utf8WithMark => before.len(),
            Self::Utf16LittleEndian | Self::Utf16BigEndian => 2 * before.encode_utf16().count(),
        };
        self.mark().len() + length
    }
}

/// Decodes what follows the mark; `start` is the length of the mark, for the offsets in errors.
fn decode_utf16(content: &[u8], start: usize, unit: fn([u8; 2]) -> u16) -> Result<String, DecodeError> {
    let (pairs, rest) = content.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(DecodeError::HalfUnit { offset: start + 2 * pairs.len() });
    }
    let mut text = String::with_capacity(pairs.len());
    let mut units = 0;
    for character in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        let character =
            character.map_err(|_| DecodeError::UnpairedSurrogate { offset: start + 2 * units })?;
        units += character.len_utf16();
        text.push(character);
    }
    Ok(text)
}

/// Why a file is not text in the encoding that it announces. Offsets count bytes from the start of the file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes from here on are not UTF-8.
    #[error("not valid UTF-8 at byte {offset}")]
    Utf8 {
        /// Offset of the first byte that is wrong.
        offset: usize,
    },
    /// Half of a surrogate pair stands alone, so the file is not UTF-16.
    #[error("unpaired surrogate in UTF-16 at byte {offset}")]
    UnpairedSurrogate {
        /// Offset of the code unit that stands alone.
        offset: usize,
    },
    /// A UTF-16 file ends in the middle of a code unit.
    #[error("UTF-16 text ends with half a code unit at byte {offset}")]
    HalfUnit {
        /// Offset of the single byte at the end.
        offset: usize,
    },
}

impl Explain for DecodeError {
    fn code(&self) -> &'static str {
        "text-encoding-invalid"
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Utf8 { .. } => {
                "save the file as UTF-8: a tool may have written it in the code page of the machine".to_owned()
            }
            Self::UnpairedSurrogate { .. } | Self::HalfUnit { .. } => {
                "put the file back from a backup, or let the product write it again: it looks cut off or damaged"
                    .to_owned()
            }
        })
    }
}

//! The picture of a page as it is stored in a file.

use serde::{Deserialize, Serialize};

/// A JPEG file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jpeg {
    /// The file: baseline, extended or progressive, 8 bits a channel, gray or colour (not CMYK).
    #[serde(skip)]
    pub bytes: Vec<u8>,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// A picture of ink and paper, one bit a pixel, without loss.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bilevel {
    /// JBIG2 segments as PDF holds them (ISO 32000-1, 7.4.7): page information and one generic region.
    #[serde(skip)]
    pub jbig2: Vec<u8>,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// How a page image is stored. Serialised it has all but its streams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Picture {
    /// All in one JPEG file.
    Jpeg(Jpeg),
    /// Ink and paper only.
    Bilevel(Bilevel),
    /// Mixed raster content (ITU-T T.44): print stands as a mask of full resolution over the rest of the page.
    Layers {
        /// The page without what the mask holds: paper, seals, signatures, pictures.
        background: Jpeg,
        /// The colours of what the mask holds, coarse.
        foreground: Jpeg,
        /// Where the foreground is seen.
        mask: Bilevel,
    },
}

impl Picture {
    /// What is stored, one stream after the other: background, foreground, mask.
    pub fn streams(&self) -> Vec<&[u8]> {
        match self {
            Self::Jpeg(jpeg) => vec![&jpeg.bytes],
            Self::Bilevel(bilevel) => vec![&bilevel.jbig2],
            Self::Layers { background, foreground, mask } => {
                vec![&background.bytes, &foreground.bytes, &mask.jbig2]
            }
        }
    }

    /// The same streams, to be put in.
    pub fn streams_mut(&mut self) -> Vec<&mut Vec<u8>> {
        match self {
            Self::Jpeg(jpeg) => vec![&mut jpeg.bytes],
            Self::Bilevel(bilevel) => vec![&mut bilevel.jbig2],
            Self::Layers { background, foreground, mask } => {
                vec![&mut background.bytes, &mut foreground.bytes, &mut mask.jbig2]
            }
        }
    }

    /// Size of all streams, bytes.
    pub fn bytes(&self) -> usize {
        self.streams().iter().map(|stream| stream.len()).sum()
    }

    /// Pixels across and down, of layers those of the mask.
    pub fn size(&self) -> (u32, u32) {
        match self {
            Self::Jpeg(jpeg) => (jpeg.width, jpeg.height),
            Self::Bilevel(bilevel) | Self::Layers { mask: bilevel, .. } => (bilevel.width, bilevel.height),
        }
    }
}

//! Where a traffic file comes from: a path, standard input or memory, compressed or not.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::diagnose::{Problem, no_such_file};

/// Where a traffic file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file.
    Path(PathBuf),
    /// Standard input, read once as it comes.
    Stdin,
    /// Bytes in memory under a name for the diagnostics.
    Memory {
        /// What to call them.
        name: String,
        /// The file's content.
        bytes: Arc<[u8]>,
    },
}

/// An input that has been opened: decompressed bytes, and what was found on the way.
pub(super) struct Opened {
    pub(super) reader: Box<dyn Read + Send>,
    pub(super) compression: Option<&'static str>,
    /// How far it is read, where its size is known.
    pub(super) reading: Option<Reading>,
}

/// How far a file is read, in bytes as they lie on the disk.
pub(super) struct Reading {
    done: Arc<AtomicU64>,
    size: u64,
}

impl Reading {
    /// As a share, 0 to 1.
    pub(super) fn share(&self) -> f64 {
        (self.done.load(Ordering::Relaxed) as f64 / self.size.max(1) as f64).min(1.0)
    }
}

/// Counts what goes through.
struct Counted {
    raw: Box<dyn Read + Send>,
    done: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.raw.read(out)?;
        self.done.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Input {
    /// A path, or standard input for `-`.
    pub fn from_argument(argument: &str) -> Self {
        if argument == "-" { Self::Stdin } else { Self::Path(PathBuf::from(argument)) }
    }

    /// Bytes that are at hand.
    pub fn memory(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self::Memory { name: name.into(), bytes: bytes.into().into() }
    }

    /// What to call it in diagnostics.
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Stdin => "standard input".to_owned(),
            Self::Memory { name, .. } => name.clone(),
        }
    }

    /// An input that can be opened again and again: a stream is read into memory, whole.
    pub fn kept(self) -> Result<Self, Problem> {
        if !self.is_stream() {
            return Ok(self);
        }
        let (name, mut bytes) = (self.name(), Vec::new());
        let read = match &self {
            Self::Path(path) => open_file(path)?.read_to_end(&mut bytes),
            _ => io::stdin().lock().read_to_end(&mut bytes),
        };
        read.map_err(|error| Problem::new(format!("{name} cannot be read: {error}")))?;
        Ok(Self::memory(name, bytes))
    }

    /// Whether it can be read only once: standard input, a pipe.
    pub fn is_stream(&self) -> bool {
        match self {
            Self::Path(path) => {
                path.metadata().is_ok_and(|about| !about.is_file() && !about.is_dir())
            }
            Self::Stdin => true,
            Self::Memory { .. } => false,
        }
    }

    pub(super) fn open(&self) -> Result<Opened, Problem> {
        let raw: Box<dyn Read + Send> = match self {
            Self::Path(path) => open_file(path)?,
            Self::Stdin => Box::new(io::stdin()),
            Self::Memory { bytes, .. } => Box::new(Cursor::new(Arc::clone(bytes))),
        };
        let done = Arc::new(AtomicU64::new(0));
        let reading = self.size().map(|size| Reading { done: Arc::clone(&done), size });
        let opened = decompressed(Box::new(Counted { raw, done }), &self.name())?;
        Ok(Opened { reading, ..opened })
    }

    /// Its bytes, where that is known before the end.
    fn size(&self) -> Option<u64> {
        match self {
            Self::Path(path) => path.metadata().ok().filter(Metadata::is_file).map(|it| it.len()),
            Self::Stdin => None,
            Self::Memory { bytes, .. } => Some(bytes.len() as u64),
        }
    }
}

fn open_file(path: &Path) -> Result<Box<dyn Read + Send>, Problem> {
    let shown = path.display();
    if path.is_dir() {
        return Err(
            Problem::new(format!("`{shown}` is a folder")).help("name one traffic file inside it")
        );
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(no_such_file(path)),
        Err(error) => Err(Problem::new(format!("`{shown}` cannot be opened: {error}"))),
    }
}

/// Kinds of file that look like traffic from outside but are not read, and what to do about each.
const FOREIGN: [(&[u8], &str, &str); 8] = [
    (b"BZh", "compressed by bzip2", "pipe it in: `bzip2 -dc FILE | plimsoll … -`"),
    (b"\xfd7zXZ\0", "compressed by xz", "pipe it in: `xz -dc FILE | plimsoll … -`"),
    (b"PK\x03\x04", "a zip archive or a workbook", "unpack it, or export the sheet as CSV"),
    (b"PAR1", "a Parquet file", "export it as CSV, e.g. with `duckdb` or `pandas`"),
    (b"\x00\x05\x16\x07", "a macOS resource fork (`._…`), not the data", "use the file beside it"),
    (b"\xff\xfe", "UTF-16 text, not UTF-8", "convert it: `iconv -f UTF-16 -t UTF-8 FILE`"),
    (b"\xfe\xff", "UTF-16 text, not UTF-8", "convert it: `iconv -f UTF-16 -t UTF-8 FILE`"),
    (b"ARROW1", "an Arrow file", "export it as CSV"),
];

/// Looks at the first bytes, never at the file's name: a name can lie.
fn decompressed(mut raw: Box<dyn Read + Send>, name: &str) -> Result<Opened, Problem> {
    let mut head = Vec::with_capacity(8);
    raw.by_ref()
        .take(8)
        .read_to_end(&mut head)
        .map_err(|error| Problem::new(format!("`{name}` cannot be read: {error}")))?;
    if let Some((_, what, remedy)) = FOREIGN.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return Err(Problem::new(format!("`{name}` is {what}")).help(*remedy));
    }
    let gzip = head.starts_with(&[0x1f, 0x8b]);
    let zstd = head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || head.get(1..4) == Some(&[0x2a, 0x4d, 0x18][..]);
    let whole = Cursor::new(head).chain(raw);
    Ok(if gzip {
        let reader = Box::new(MultiGzDecoder::new(BufReader::new(whole)));
        Opened { reader, compression: Some("gzip"), reading: None }
    } else if zstd {
        Opened {
            reader: Box::new(Zstd::new(Box::new(whole))),
            compression: Some("zstd"),
            reading: None,
        }
    } else {
        Opened { reader: Box::new(whole), compression: None, reading: None }
    })
}

/// Decodes one Zstandard frame after another, as `zstd -d` does.
struct Zstd {
    raw: BufReader<Box<dyn Read + Send>>,
    frame: FrameDecoder,
    inside: bool,
}

impl Zstd {
    fn new(raw: Box<dyn Read + Send>) -> Self {
        Self { raw: BufReader::new(raw), frame: FrameDecoder::new(), inside: false }
    }

    /// Goes to the next frame, if there is one; notes for other programs are passed over.
    fn enter(&mut self) -> io::Result<bool> {
        if self.raw.fill_buf()?.is_empty() {
            return Ok(false);
        }
        match self.frame.init(&mut self.raw) {
            Ok(()) => self.inside = true,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                io::copy(&mut self.raw.by_ref().take(u64::from(length)), &mut io::sink())?;
            }
            Err(error) => return Err(io::Error::other(error)),
        }
        Ok(true)
    }

    fn leave(&mut self) -> io::Result<()> {
        self.inside = false;
        let (said, found) =
            (self.frame.get_checksum_from_data(), self.frame.get_calculated_checksum());
        match (said, found) {
            (Some(said), Some(found)) if said != found => {
                Err(io::Error::other("the checksum of a frame is wrong"))
            }
            _ => Ok(()),
        }
    }
}

impl Read for Zstd {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.inside {
                if !self.enter()? {
                    return Ok(0);
                }
            } else if self.frame.can_collect() > 0 || out.is_empty() {
                return self.frame.read(out);
            } else if self.frame.is_finished() {
                self.leave()?;
            } else {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.frame.decode_blocks(&mut self.raw, one).map_err(io::Error::other)?;
            }
        }
    }
}

//! `requests.parquet`: a column a property, in groups of rows that bound the memory.

use std::fs::File;
use std::io;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::{Rows, fate};
use crate::model::Completion;

const SCHEMA: &str = "message request {
    required int64 request;
    required binary class (UTF8);
    required int64 arrival_ns;
    required int64 wait_ns;
    required int64 service_ns;
    required int64 latency_ns;
    required binary fate (UTF8);
    optional int32 server;
    required int64 key (UINT_64);
    required int32 input_tokens (UINT_32);
    required int32 output_tokens (UINT_32);
}";

/// So many rows are kept before they are written as a group: about ten megabytes.
const GROUP: usize = 100_000;

/// The rows of the group that is not yet written, by column.
#[derive(Default)]
struct Group {
    /// Request, arrival, wait, service, latency, key.
    wide: [Vec<i64>; 6],
    /// Class, fate.
    words: [Vec<ByteArray>; 2],
    /// Server, with whether there was one; input and output tokens.
    servers: Vec<i32>,
    served: Vec<i16>,
    tokens: [Vec<i32>; 2],
}

pub(super) struct Columns {
    writer: SerializedFileWriter<File>,
    group: Group,
}

impl Columns {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let schema = Arc::new(parse_message_type(SCHEMA).expect("the schema is a constant"));
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = SerializedFileWriter::new(file, schema, Arc::new(properties));
        Ok(Self { writer: writer.map_err(failed)?, group: Group::default() })
    }

    fn write(&mut self) -> Result<(), ParquetError> {
        let Group { wide, words, servers, served, tokens } = std::mem::take(&mut self.group);
        let [request, arrival, wait, service, latency, key] = &wide;
        let mut group = self.writer.next_row_group()?;
        column::<Int64Type>(&mut group, request, None)?;
        column::<ByteArrayType>(&mut group, &words[0], None)?;
        for times in [arrival, wait, service, latency] {
            column::<Int64Type>(&mut group, times, None)?;
        }
        column::<ByteArrayType>(&mut group, &words[1], None)?;
        column::<Int32Type>(&mut group, &servers, Some(&served))?;
        column::<Int64Type>(&mut group, key, None)?;
        for tokens in &tokens {
            column::<Int32Type>(&mut group, tokens, None)?;
        }
        group.close()?;
        Ok(())
    }
}

/// Writes the next column; `there` marks the rows that have a value, where some have none.
fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
    there: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let mut column = group.next_column()?.expect("the schema has as many columns as are written");
    column.typed::<T>().write_batch(values, there, None)?;
    column.close()
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

impl Rows for Columns {
    fn row(&mut self, index: u64, class: &str, done: &Completion) -> io::Result<()> {
        let (group, request) = (&mut self.group, &done.request);
        let times = [request.arrival.0, done.wait().0, done.service().0, done.latency().0];
        let [arrival, wait, service, latency] = times;
        let wide = [index, arrival, wait, service, latency, request.key];
        for (column, value) in group.wide.iter_mut().zip(wide) {
            column.push(value.cast_signed());
        }
        for (column, word) in group.words.iter_mut().zip([class, fate(done)]) {
            column.push(ByteArray::from(word));
        }
        group.servers.extend(done.server.map(|server| server.0.cast_signed()));
        group.served.push(i16::from(done.server.is_some()));
        for (column, tokens) in group.tokens.iter_mut().zip([request.input, request.output]) {
            column.push(tokens.cast_signed());
        }
        if group.served.len() < GROUP { Ok(()) } else { self.write().map_err(failed) }
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        if !self.group.served.is_empty() {
            self.write().map_err(failed)?;
        }
        self.writer.close().map_err(failed)?;
        Ok(())
    }
}

//! `POST /v1/export/{format}`: a result in the formats of other tools.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use calico_result::export::{Bundle, bundle};
use calico_result::{ExportFormat, ResultError, Segmentation};
use futures_util::stream;
use utoipa::ToSchema;

use super::App;
use crate::admission::Share;
use crate::incoming::{MediaType, forget, json_of, media_type, receive};
use crate::problem::{Kind, Problem};
use crate::settings::Limits;

/// Bytes of a pixel while a picture of masks is drawn, beside the masks: a label map, and what is
/// compressed.
const DRAWN: u64 = 4;

/// How often the bytes of a request may stand in memory again as the parts of a result: an empty
/// text of three bytes takes 24, and twice that while its list grows.
const COPIES: u64 = 24;

/// Characters of all labels, each as long as the longest, as some formats write them.
const MOST_LABELS: usize = 4 << 20;

/// Bytes of a file that are handed to the connection at once; it asks for more when they are sent.
const PIECE: usize = 256 << 10;

/// Pixels of all masks of a result together: more takes long to draw, and others wait.
const MOST_PIXELS: u64 = 4 << 30;

/// Segments of a result that is exported: no answer within the limits has more.
const MOST_SEGMENTS: usize = 4096;

/// The name of a format.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes names that `ExportFormat` has")]
enum ExportChoice {
    Coco,
    Masks,
    Npz,
    Svg,
}

/// Export a result
///
/// Takes what `/v1/segment` answered, and returns `coco.json`, or an archive of the files that the
/// format has: `masks` (PNG), `npz` (NumPy) or `svg`.
#[utoipa::path(
    post,
    path = "/v1/export/{format}",
    tag = "Calico",
    params(("format" = inline(ExportChoice), Path, description = "`coco`, `masks`, `npz` or `svg`")),
    request_body(content = super::openapi::Segmentation, content_type = "application/json"),
    responses(
        (status = 200, description = "The file", content(
            (serde_json::Value = "application/json"),
            (Vec<u8> = "application/zip"),
        )),
        (status = 404, description = "There is no such format", body = super::openapi::Problem,
            content_type = "application/problem+json"),
        super::openapi::Problems,
    ),
    security((), ("token" = []))
)]
pub(super) async fn export(
    State(app): State<Arc<App>>,
    format: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let (parts, mut body) = request.into_parts();
    let format = format.map(|Path(format)| format).unwrap_or_default();
    match exported(&app, &format, &parts.headers, &mut body).await {
        Ok((Bundle { name, media_type, bytes }, share)) => {
            let disposition = format!("attachment; filename=\"{name}\"");
            let headers =
                [(CONTENT_TYPE, media_type.to_owned()), (CONTENT_DISPOSITION, disposition)];
            (headers, body_that_holds(bytes.into(), share)).into_response()
        }
        Err(problem) => {
            forget(&parts.headers, &mut body).await;
            problem.into_response()
        }
    }
}

/// The export, with the memory that it takes.
async fn exported(
    app: &App,
    format: &str,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<(Bundle, Share), Problem> {
    let format = ExportFormat::ALL.into_iter().find(|known| known.name() == format);
    let format = format.ok_or_else(|| {
        Problem::new(Kind::NotFound, "expected one of the formats coco, masks, npz and svg")
    })?;
    if media_type(headers)? != MediaType::Json {
        return Err(Problem::new(Kind::MediaType, "expected a result as application/json"));
    }
    let limits = &app.settings.limits;
    let (bytes, mut share) = receive(headers, body, limits, &app.memory).await?;
    app.memory.grow(&mut share, COPIES * bytes.len() as u64)?;
    let read = move || json_of::<Segmentation>(&bytes, Kind::Result);
    let turn = app.turn(&app.turns.export).await?;
    let (result, mut share) = app.aside(turn, share, read).await?;
    let result = result?;
    app.memory.grow(&mut share, drawing_bytes(&result, limits)?)?;
    let draw = move || {
        result.validate()?;
        bundle(&result, format)
    };
    let turn = app.turn(&app.turns.export).await?;
    let (drawn, mut share) = app.aside(turn, share, draw).await?;
    let drawn = drawn.map_err(|error| match error {
        ResultError::Write { .. } | ResultError::FolderNotWritable { .. } => {
            Problem::internal(&error)
        }
        error => Problem::new(Kind::Result, format!("the result is not usable: {error}")),
    })?;
    // What is left is the file.
    let kept = share.split(drawn.bytes.len() as u64).unwrap_or(share);
    Ok((drawn, kept))
}

/// A body in pieces, which holds its memory until the last one has left.
fn body_that_holds(bytes: Bytes, share: Share) -> Body {
    let stream = stream::unfold((bytes, share), async |(mut bytes, share)| {
        if bytes.is_empty() {
            return None;
        }
        let piece = bytes.split_to(PIECE.min(bytes.len()));
        Some((Ok::<_, Infallible>(piece), (bytes, share)))
    });
    Body::from_stream(stream)
}

/// Bytes that drawing takes: all masks of a picture lie beside each other. Nothing is drawn before
/// this is known, and the words and sizes of the result are within the limits.
fn drawing_bytes(result: &Segmentation, limits: &Limits) -> Result<u64, Problem> {
    let segments = result.segments().count();
    let too_large = |detail: String| Problem::new(Kind::TooLarge, detail);
    if segments > MOST_SEGMENTS || result.images.len() > limits.images {
        let (images, most) = (result.images.len(), limits.images);
        return Err(too_large(format!(
            "the result has {images} images and {segments} segments; this service takes at most \
             {most} and {MOST_SEGMENTS}"
        )));
    }
    let longest = result.segments().map(|segment| segment.label.len()).max().unwrap_or(0);
    if longest * segments > MOST_LABELS {
        let detail = format!("the longest of {segments} labels has {longest} bytes");
        return Err(too_large(detail));
    }
    let (mut most_bytes, mut pixels) = (0, 0);
    for image in &result.images {
        let size = image.size();
        let is_long = size.width.max(size.height) > limits.image_side;
        if is_long || size.pixels() > limits.image_pixels {
            let (most, side) = (limits.image_pixels, limits.image_side);
            let detail = format!(
                "image {} is said to have {size} pixels; this service takes at most {most}, and \
                 {side} a side",
                image.index
            );
            return Err(too_large(detail));
        }
        let masks = result.segments_in(image.index).count() as u64;
        most_bytes = most_bytes.max(size.pixels() * (masks + DRAWN));
        pixels += size.pixels() * masks;
    }
    if pixels > MOST_PIXELS {
        let detail =
            format!("the masks have {pixels} pixels together; expected at most {MOST_PIXELS}");
        return Err(too_large(detail));
    }
    Ok(most_bytes)
}

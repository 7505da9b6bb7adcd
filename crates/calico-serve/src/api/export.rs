//! `POST /v1/export/{format}`: a result in the formats of other tools.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use calico_result::export::{Bundle, bundle};
use calico_result::{ExportFormat, Segmentation};
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

use super::App;
use crate::incoming::{MediaType, forget, json, media_type, receive};
use crate::problem::{Kind, Problem};
use crate::settings::Limits;

/// Bytes of a pixel while masks are drawn: bits of a mask, a label map, and what is compressed.
const DRAWN: u64 = 4;

/// Segments of a result that is exported: no answer within the limits has more.
const MOST_SEGMENTS: usize = 4096;

/// Pixels of all masks together.
const MOST_PIXELS: u64 = 2 << 30;

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
    Path(format): Path<String>,
    request: Request,
) -> Response {
    let (parts, mut body) = request.into_parts();
    match exported(&app, &format, &parts.headers, &mut body).await {
        Ok(Bundle { name, media_type, bytes }) => {
            let disposition = format!("attachment; filename=\"{name}\"");
            let headers =
                [(CONTENT_TYPE, media_type.to_owned()), (CONTENT_DISPOSITION, disposition)];
            (headers, bytes).into_response()
        }
        Err(problem) => {
            forget(&mut body).await;
            problem.into_response()
        }
    }
}

async fn exported(
    app: &App,
    format: &str,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Bundle, Problem> {
    let format = ExportFormat::ALL.into_iter().find(|known| known.name() == format);
    let format = format.ok_or_else(|| {
        Problem::new(Kind::NotFound, "expected one of the formats coco, masks, npz and svg")
    })?;
    if media_type(headers)? != MediaType::Json {
        return Err(Problem::new(Kind::MediaType, "expected a result as application/json"));
    }
    let (bytes, _received) = receive(headers, body, &app.settings.limits, &app.memory).await?;
    let result: Segmentation = json(&bytes)?;
    let pixels = pixels(&result, &app.settings.limits)?;
    let _memory = app.memory.take(DRAWN * pixels)?;
    let _turn = app.turn_to_draw().await;
    let drawing = spawn_blocking(move || {
        result.validate()?;
        bundle(&result, format)
    });
    let drawn = drawing.await.map_err(|error| Problem::internal(&error))?;
    drawn.map_err(|error| match error {
        calico_result::ResultError::Write { .. }
        | calico_result::ResultError::FolderNotWritable { .. } => Problem::internal(&error),
        error => Problem::new(Kind::Result, format!("the result is not usable: {error}")),
    })
}

/// Pixels of the largest picture: how much there is to draw at once. Nothing is drawn before
/// this is known to be within the limits.
fn pixels(result: &Segmentation, limits: &Limits) -> Result<u64, Problem> {
    let segments = result.segments().count();
    let too_large = |detail: String| Problem::new(Kind::TooLarge, detail);
    if segments > MOST_SEGMENTS || result.images.len() > limits.images {
        let (images, most) = (result.images.len(), limits.images);
        return Err(too_large(format!(
            "the result has {images} images and {segments} segments; this service takes at most \
             {most} and {MOST_SEGMENTS}"
        )));
    }
    let mut largest = 0;
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
        largest = largest.max(size.pixels());
    }
    if largest * segments as u64 > MOST_PIXELS {
        let detail = format!(
            "the result has {segments} masks of up to {largest} pixels; this service takes at \
             most {MOST_PIXELS} in all"
        );
        return Err(too_large(detail));
    }
    Ok(largest)
}

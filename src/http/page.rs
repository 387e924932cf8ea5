//! The OpenAPI document, and the same as a page that needs nothing but itself.

use std::fmt::Write;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::Value;
use utoipa::openapi::OpenApi as Document;

use crate::http::openapi;
use crate::http::service::Service;

pub(super) fn router(document: &Document) -> Router<Service> {
    let json = openapi::json(document);
    let page = written(&serde_json::from_str(&json).unwrap_or_default());
    Router::new()
        .route("/api/v1/openapi.json", get(async move || typed("application/json", json.clone())))
        .route("/api/v1/docs", get(async move || typed("text/html; charset=utf-8", page.clone())))
}

fn typed(kind: &'static str, text: String) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind)], text)
}

const STYLE: &str = "
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; background: #fff }
h1 { margin-bottom: 0 } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccc }
details { border: 1px solid #ddd; border-radius: 6px; margin: .5rem 0; padding: .4rem .8rem }
summary { cursor: pointer } code, pre { font: 14px/1.4 ui-monospace, monospace }
pre { background: #f6f6f6; padding: .6rem; overflow-x: auto }
table { border-collapse: collapse } td { padding: .15rem .8rem .15rem 0; vertical-align: top }
b.method { display: inline-block; min-width: 4.2rem }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #1a1a1a }
  pre { background: #262626 } details { border-color: #444 } a { color: #8ab4f8 } }
";

/// Writes the document as a page.
fn written(document: &Value) -> String {
    let mut page = String::new();
    // Writing to a text never fails.
    let _ = write(&mut page, document);
    page
}

fn write(page: &mut String, document: &Value) -> std::fmt::Result {
    let info = &document["info"];
    write!(
        page,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>mailrota API</title>\
         <style>{STYLE}</style><h1>{} <small>{}</small></h1><p>{}</p>\
         <p>Show your key as <code>?api_key=…</code> or <code>Authorization: Bearer …</code>. \
         The same for machines: <a href=\"openapi.json\">openapi.json</a>.</p>",
        escaped(&info["title"]),
        escaped(&info["version"]),
        escaped(&info["description"])
    )?;
    for tag in list(&document["tags"]) {
        write!(page, "<h2>{}</h2><p>{}</p>", escaped(&tag["name"]), escaped(&tag["description"]))?;
        for (path, item) in entries(&document["paths"]) {
            for (method, operation) in entries(item) {
                if operation["tags"][0] == tag["name"] {
                    call(page, path, method, operation)?;
                }
            }
        }
    }
    page.push_str("<h2>Shapes</h2>");
    for (name, schema) in entries(&document["components"]["schemas"]) {
        write!(
            page,
            "<details id=\"{0}\"><summary><code>{0}</code> {1}</summary>",
            plain(name),
            escaped(&schema["description"])
        )?;
        write!(page, "<pre>{}</pre></details>", plain(&pretty(schema)))?;
    }
    page.push_str("</html>\n");
    Ok(())
}

fn call(page: &mut String, path: &str, method: &str, operation: &Value) -> std::fmt::Result {
    let summary = escaped(&operation["summary"]);
    let told = operation["description"].as_str().map_or_else(|| summary.clone(), plain);
    write!(
        page,
        "<details><summary><b class=\"method\">{}</b> <code>{}</code> — {}</summary><p>{told}</p>",
        plain(&method.to_ascii_uppercase()),
        plain(path),
        escaped(&operation["summary"])
    )?;
    let parameters = list(&operation["parameters"]);
    if !parameters.is_empty() {
        page.push_str("<table>");
        for parameter in parameters {
            write!(
                page,
                "<tr><td><code>{}</code><td>{}<td>{}",
                escaped(&parameter["name"]),
                escaped(&parameter["in"]),
                escaped(&parameter["description"])
            )?;
        }
        page.push_str("</table>");
    }
    if let Some(schema) = schema(&operation["requestBody"]) {
        write!(page, "<p>Body: {}</p>", shape(schema))?;
    }
    page.push_str("<table>");
    for (status, response) in entries(&operation["responses"]) {
        let shape = schema(response).map(shape).unwrap_or_default();
        let description = escaped(&response["description"]);
        write!(page, "<tr><td>{}<td>{description}<td>{shape}", plain(status))?;
    }
    page.push_str("</table></details>");
    Ok(())
}

fn schema(holder: &Value) -> Option<&Value> {
    holder.pointer("/content/application~1json/schema")
}

/// A link to the shape that a schema names, or the schema itself.
fn shape(schema: &Value) -> String {
    let (schema, of) = match schema.get("items") {
        Some(items) => (items, "list of "),
        None => (schema, ""),
    };
    match schema["$ref"].as_str().and_then(|to| to.rsplit('/').next()) {
        Some(name) => format!("{of}<a href=\"#{0}\"><code>{0}</code></a>", plain(name)),
        None => format!("{of}<code>{}</code>", plain(&schema.to_string())),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn escaped(value: &Value) -> String {
    plain(value.as_str().unwrap_or_default())
}

fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

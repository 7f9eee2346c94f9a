import Foundation
import Serving

/// The page at "/" and the description of the interface: files that are parts of the program.
enum Page {
    /// A file of the page; the browser gets nothing from elsewhere and runs no script but this one.
    static func response(_ file: Route.PageFile) -> ServiceResponse {
        switch file {
        case .document:
            var response = ServiceResponse(type: "text/html; charset=utf-8", body: Data(PackageResources.index_html))
            response.headers += [
                (
                    "content-security-policy",
                    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
                        + "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
                ),
                ("referrer-policy", "no-referrer"),
            ]
            return response
        case .style:
            return ServiceResponse(type: "text/css; charset=utf-8", body: Data(PackageResources.page_css))
        case .script:
            return ServiceResponse(type: "text/javascript; charset=utf-8", body: Data(PackageResources.page_js))
        }
    }

    /// The OpenAPI document.
    static var openAPI: ServiceResponse {
        ServiceResponse(type: "application/yaml", body: Data(PackageResources.openapi_yaml))
    }
}

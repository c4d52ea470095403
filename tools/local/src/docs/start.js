// Starts the viewer with the document of this process.
window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#viewer",
  deepLinking: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  // Else the viewer would ask a server on the internet what it thinks of the document.
  validatorUrl: null,
  // With credentials of its own allowed, a browser answers 401 with a dialog of its own.
  requestInterceptor: (request) => ({ ...request, credentials: "omit" }),
});

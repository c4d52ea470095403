// Starts Swagger UI with the document of this process.
window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#viewer",
  deepLinking: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  // By default Swagger UI has a server on the internet validate the document.
  validatorUrl: null,
  // Without this a browser shows its login dialog after a 401.
  requestInterceptor: (request) => ({ ...request, credentials: "omit" }),
});

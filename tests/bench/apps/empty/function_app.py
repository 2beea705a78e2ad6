"""An endpoint that asks for nothing and answers {}: what the host alone takes."""

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route("empty", methods=["GET"])
def get_empty(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("{}", mimetype="application/json")

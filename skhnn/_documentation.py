"""Where the documentation is, for the link in the HTML representation of estimators."""


class DocumentationLink:
    """scikit-learn's ``BaseEstimator`` reads these."""

    _doc_link_module = "skhnn"
    _doc_link_template = (
        "https://skhnn.readthedocs.io/en/latest/generated/{estimator_module}.{estimator_name}.html"
    )

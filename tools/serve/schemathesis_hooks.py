"""What schemathesis leaves out.

A form has texts and files, no types. A value of a wrong type is often a right one once it is sent:
an empty list is a field that is not there, and false the text `false`. Such forms are no wrong
ones, and the service is right to take them.
"""

import schemathesis

TYPES = {"type", "format"}


@schemathesis.hook
def filter_case(context, case):
    """Keeps a wrong form only if something else than a type is wrong in it."""
    if case.media_type != "multipart/form-data" or not case.meta.generation.mode.is_negative:
        return True
    mutations = getattr(case.meta.phase.data, "mutations", ())
    return not mutations or any(TYPES.isdisjoint(mutation.keywords) for mutation in mutations)

"""What schemathesis does not know by itself."""

import schemathesis

# A part of a file is bytes, whatever the protocol calls them.
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")

package redact

// place is where in a JSON-RPC message something stands, as far as that
// changes what may stand there.
type place int

const (
	placeOther place = iota
	placeTop         // the message, or a batch of them
	placeBatched
	placeParams
	placeParamsMeta
	placeResult
	placeResultMeta
	placeError
	placeStructured // /result/structuredContent
	placeContent    // /result/content
	placeBlock      // one of its blocks

	// placeVerbatim is a place for a string or number that passes unmasked, so
	// that its author can match it with what it sent. The reasons:
	//
	//   - /id, /params/progressToken, /params/requestId and subscription ids are
	//     the client's own words, or numbers that the library counts up. If they
	//     came back masked, the client would wait for ever, and to guess a value
	//     it would only have to use the guess as an id.
	//   - /jsonrpc, /method and /error/code are constants of the protocol.
	//   - /result/nextCursor and /result/requestState are the server's own
	//     tokens, authenticated or opaque, made without any value; masked they
	//     would be refused when they come back.
	//
	// No tool can write to any of them, and none is read by a person or a model.
	placeVerbatim

	// The places of a claim.
	placeClaimValue // /result/structuredContent/value
	placeClaimText  // /result/content/N/text
)

// subscriptionID is the key in _meta of the 2026-07-28 protocol.
const subscriptionID = "io.modelcontextprotocol/subscriptionId"

// under returns the place of the value under key of an object at p. A key that
// is written with escapes is no key of the protocol.
func (p place) under(key []byte) place {
	switch p {
	case placeTop, placeBatched:
		return underMessage(key)
	case placeParams:
		return underParams(key)
	case placeResult:
		return underResult(key)
	case placeParamsMeta:
		if string(key) == "progressToken" || string(key) == subscriptionID {
			return placeVerbatim
		}
	case placeResultMeta:
		if string(key) == subscriptionID {
			return placeVerbatim
		}
	case placeError:
		if string(key) == "code" {
			return placeVerbatim
		}
	case placeStructured:
		if string(key) == "value" {
			return placeClaimValue
		}
	case placeBlock:
		if string(key) == "text" {
			return placeClaimText
		}
	case placeOther, placeContent, placeVerbatim, placeClaimValue, placeClaimText:
	}
	return placeOther
}

func underMessage(key []byte) place {
	switch string(key) {
	case "jsonrpc", "id", "method":
		return placeVerbatim
	case "params":
		return placeParams
	case "result":
		return placeResult
	case "error":
		return placeError
	}
	return placeOther
}

func underParams(key []byte) place {
	switch string(key) {
	case "progressToken", "requestId":
		return placeVerbatim
	case "_meta":
		return placeParamsMeta
	}
	return placeOther
}

func underResult(key []byte) place {
	switch string(key) {
	case "nextCursor", "requestState":
		return placeVerbatim
	case "_meta":
		return placeResultMeta
	case "structuredContent":
		return placeStructured
	case "content":
		return placeContent
	}
	return placeOther
}

// element returns the place of an element of an array at p.
func (p place) element() place {
	switch p {
	case placeTop:
		return placeBatched
	case placeContent:
		return placeBlock
	default:
		return placeOther
	}
}

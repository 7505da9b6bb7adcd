"""Questions and answers as a model without a trained tokenizer reads them: byte by byte.

The template is llava_v1. Blanks around added tokens are dropped, every piece of text between them
is encoded on its own, and -200 stands for an image.
"""

IMAGE = -200
ADDED = ("<im_start>", "<im_end>", "<bbox>", "<point>", "[SEG]", "<p>", "</p>")
TEMPLATE = (
    "A chat between a curious human and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the human's questions. USER: {} ASSISTANT:"
)


class Vocabulary:
    """`<unk>`, `<s>`, `</s>`, 256 bytes, fillers, and the seven added tokens at the end."""

    def __init__(self, size):
        self.added = {"<unk>": 0, "<s>": 1, "</s>": 2}
        self.added |= {token: size - len(ADDED) + index for index, token in enumerate(ADDED)}

    def __getitem__(self, token):
        return self.added[token]

    def encode(self, text):
        """Ids of a text, without `<s>`."""
        ids = []
        while text:
            found = {token: text.find(token) for token in self.added}
            places = {at: token for token, at in found.items() if at >= 0}
            at = min(places, default=len(text))
            ids += [3 + byte for byte in text[:at].strip(" ").encode()]
            if at == len(text):
                break
            ids.append(self.added[places[at]])
            text = text[at + len(places[at]) :]
        return ids

    def prompt(self, question):
        """Ids of a whole prompt around a question that places its images itself."""
        ids = [self["<s>"]]
        for number, piece in enumerate(TEMPLATE.format(question).split("<image>")):
            if number > 0:
                ids += [self["<im_start>"], IMAGE, self["<im_end>"]]
            ids += self.encode(piece)
        return ids

    def answer(self, text):
        return [*self.encode(text), self["</s>"]]


class Conversation:
    """One sample: `prompt_length` of `ids` are the prompt; mask k, of the k-th `[SEG]`, is on the
    image `seg_image[k]`."""

    def __init__(self, images, ids, prompt_length, seg, seg_image, masks):
        self.images, self.ids, self.prompt_length = images, ids, prompt_length
        self.seg, self.seg_image, self.masks = seg, seg_image, masks

    @classmethod
    def of(cls, vocabulary, question, answer, images, seg_image, masks):
        prompt = vocabulary.prompt(question)
        ids = prompt + vocabulary.answer(answer)
        return cls(images, ids, len(prompt), vocabulary["[SEG]"], seg_image, masks)

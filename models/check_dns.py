class CheckDns:
    def __init__(self, network): pass
